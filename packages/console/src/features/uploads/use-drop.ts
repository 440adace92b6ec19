import { useRef, useState, type DragEvent } from 'react';

interface Drop {
  /** Whether files are held over the element. */
  readonly isOver: boolean;
  readonly onDragEnter: (event: DragEvent) => void;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDragLeave: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
}

/** Handlers of an element on which files can be dropped. Folders are told by their names: a browser has no file of them. */
export function useDrop(
  onFiles: (files: readonly File[]) => void,
  onFolders: (names: readonly string[]) => void,
): Drop {
  // Entering a child comes before leaving its parent, so both are counted.
  const depth = useRef(0);
  const [isOver, setIsOver] = useState(false);
  const turn = (by: number): void => {
    depth.current = Math.max(0, depth.current + by);
    setIsOver(depth.current > 0);
  };
  return {
    isOver,
    onDragEnter: (event) => void (holdsFiles(event) && turn(1)),
    onDragOver: (event) => void (holdsFiles(event) && event.preventDefault()),
    onDragLeave: (event) => void (holdsFiles(event) && turn(-1)),
    onDrop: (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setIsOver(false);
      const folders = [...event.dataTransfer.items].flatMap((item) => {
        const entry = item.webkitGetAsEntry();
        return entry?.isDirectory === true ? [entry.name] : [];
      });
      const files = [...event.dataTransfer.files].filter(({ name }) => !folders.includes(name));
      if (folders.length > 0) onFolders(folders);
      if (files.length > 0) onFiles(files);
    },
  };
}

function holdsFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer.types.includes('Files');
}
