interface PagerProps {
  label: string;
  /** Number of the page, from 1. */
  page: number;
  back?: string;
  next?: string;
  more: boolean;
  onBack(): void;
  onNext(): void;
}

/**
 * Pages of a list, of which each knows the next alone. Absent where there is one page. A button that does nothing now keeps the
 * focus: one that is `disabled` would lose it.
 */
export function Pager({ label, page, back = 'Back', next = 'Next', more, onBack, onNext }: PagerProps) {
  if (page === 1 && !more) return null;
  return (
    <nav class="pager" aria-label={label}>
      <button aria-disabled={page === 1} onClick={() => page > 1 && onBack()}>
        {back}
      </button>
      <span role="status">Page {page}</span>
      <button aria-disabled={!more} onClick={() => more && onNext()}>
        {next}
      </button>
    </nav>
  );
}
