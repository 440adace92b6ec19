// Sets the color scheme before the first paint; a file of its own because the content policy allows no inline script.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem('reeve.color_scheme');
  } catch {
    // Storage is blocked: follow the system.
  }
  const dark = stored === 'dark' || (stored !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.mantineColorScheme = dark ? 'dark' : 'light';
})();
