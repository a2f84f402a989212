import { type ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Rows around those that can be seen, so that scrolling shows no gaps. */
const AROUND = 6;
/** A list of fewer rows is in the document as a whole: the browser's own search finds all of it. */
const WHOLE = 60;

interface VirtualListProps<T> {
  class: string;
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  children: (item: T) => ComponentChildren;
}

/** A list of rows of one height. Of a long one only those rows are in the document that can be seen. */
export function VirtualList<T>({ class: name, label, items, keyOf, children }: VirtualListProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const [height, setHeight] = useState(100);
  const [[from, to], setSeen] = useState([0, WHOLE]);
  const long = items.length > WHOLE;

  useEffect(() => {
    if (!long) return undefined;
    const look = (): void => {
      const { current } = list;
      const row = current?.querySelector('li');
      if (!current || !row) return;
      const { height: rowHeight } = row.getBoundingClientRect();
      const top = -current.getBoundingClientRect().top / rowHeight;
      setHeight(rowHeight);
      setSeen([
        Math.max(0, Math.floor(top) - AROUND),
        Math.max(WHOLE / 4, Math.ceil(top + innerHeight / rowHeight) + AROUND),
      ]);
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [long, items.length]);

  // The last ones stay shown when the list has become shorter than where the reader is.
  const first = long ? Math.min(from, Math.max(0, items.length - WHOLE / 4)) : 0;
  const shown = long ? items.slice(first, Math.max(to, first + WHOLE / 4)) : items;
  return (
    <ul
      class={name}
      ref={list}
      aria-label={label}
      style={
        long
          ? {
              paddingTop: `${first * height}px`,
              paddingBottom: `${(items.length - first - shown.length) * height}px`,
            }
          : {}
      }
    >
      {shown.map((item, index) => (
        <li key={keyOf(item)} aria-setsize={items.length} aria-posinset={first + index + 1}>
          {children(item)}
        </li>
      ))}
    </ul>
  );
}
