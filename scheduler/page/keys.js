// The keys of the page, for its help. What they do is in the views.

export const KEYS = [
  [
    "Everywhere",
    [
      ["?", "these keys"],
      ["/", "search"],
      ["Esc", "close a dialog"],
    ],
  ],
  [
    "Lists",
    [
      ["↑ ↓", "one row"],
      ["PgUp PgDn", "one page"],
      ["Home End", "first, last"],
      ["Enter", "open"],
    ],
  ],
  [
    "A job",
    [
      ["← →", "frames of the strip"],
      ["Enter", "open the frame"],
    ],
  ],
  [
    "A frame",
    [
      ["← ↑ → ↓", "one tile"],
      ["Home End", "first and last tile of the row"],
      ["Enter", "who rendered the tile"],
      ["+ -", "zoom"],
      ["0", "whole frame"],
      ["1", "one to one"],
      ["Shift ← ↑ → ↓", "move the picture"],
      ["[ ]", "frame before, frame after"],
      ["o", "what lies over the picture"],
      ["t", "tiles as a table"],
    ],
  ],
];
