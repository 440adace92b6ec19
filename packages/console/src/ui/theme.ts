import {
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';

/** Verdigris: the green of weathered copper. Shade 8 carries white text at more than 7:1. */
const pine: MantineColorsTuple = [
  '#eef7f4',
  '#d9ece6',
  '#b3d9ce',
  '#86c2b2',
  '#62b09d',
  '#3f9683',
  '#2b8270',
  '#1f6e5e',
  '#155a4d',
  '#0d463c',
];
const rust: MantineColorsTuple = [
  '#fdf1ee',
  '#f8ddd7',
  '#f0b9ae',
  '#e69384',
  '#dc7361',
  '#cf5a46',
  '#bd4633',
  '#a53a29',
  '#8f3021',
  '#6f2418',
];
const gray: MantineColorsTuple = [
  '#f6f8f6',
  '#eef2ef',
  '#e3e9e5',
  '#d3dcd7',
  '#bcc8c2',
  '#93a29b',
  '#566660',
  '#42514b',
  '#2c3935',
  '#1a2421',
];
const dark: MantineColorsTuple = [
  '#dbe5e1',
  '#c2cfca',
  '#9aaaa4',
  '#73847e',
  '#33423d',
  '#2a3733',
  '#1e2926',
  '#151d1b',
  '#0f1614',
  '#0a100e',
];

/** Mantine's `light` variant puts tinted text on a tinted ground, which fails contrast; the body's text color does not. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const resolved = defaultVariantColorsResolver(input);
  return input.variant === 'light' ? { ...resolved, color: 'var(--mantine-color-text)' } : resolved;
};

/** The console's look: verdigris on paper, book headings, square shoulders. */
export const theme = createTheme({
  colors: { pine, rust, gray, dark },
  primaryColor: 'pine',
  primaryShade: { light: 8, dark: 8 },
  variantColorResolver,
  black: '#15201d',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontFamily: 'var(--font-book)', fontWeight: '600' },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // A dialog's heading row is no banner of the document.
    ModalHeader: { defaultProps: { role: 'presentation' } },
    DrawerHeader: { defaultProps: { role: 'presentation' } },
  },
});
