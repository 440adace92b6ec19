/** A directory as an address has it: `/` for the workspace itself, `/notes/today` for one below. */
export type Directory = string;

/** The path that the server knows it by: empty for the workspace itself. */
export function pathOf(directory: Directory): string {
  return directory.replace(/^\/+|\/+$/g, '');
}

/** The path of something that lies in it. */
export function pathIn(directory: Directory, name: string): string {
  const path = pathOf(directory);
  return path === '' ? name : `${path}/${name}`;
}

/** The directories on the way to it, itself last, without the workspace. */
export function waysTo(directory: Directory): { readonly name: string; readonly directory: Directory }[] {
  const names = pathOf(directory)
    .split('/')
    .filter((name) => name !== '');
  return names.map((name, index) => ({ name, directory: `/${names.slice(0, index + 1).join('/')}` }));
}
