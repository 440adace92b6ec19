/** Opens the browser's dialog for files, any number of them; `onFiles` gets those that were chosen. */
export function useChooser(onFiles: (files: readonly File[]) => void): () => void {
  return () => {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.onchange = () => onFiles([...(input.files ?? [])]);
    input.click();
  };
}
