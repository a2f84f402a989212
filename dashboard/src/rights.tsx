import { type ComponentChildren, createContext } from 'preact';
import { useContext } from 'preact/hooks';

/** Whether nobody can change anything here. */
export const ReadOnly = createContext(false);

/** What changes something: not there where nothing can be changed. The head of the page says so. */
export function Changing({ children }: { children: ComponentChildren }) {
  return useContext(ReadOnly) ? null : <>{children}</>;
}
