//! A bitmap font of our own, three by five points, for names on contact sheets: capitals, digits and little else.

/// Pixels of a point.
pub const SCALE: usize = 2;
/// Points from one symbol to the next.
pub const ADVANCE: usize = 4;

/// Rows from the top, each three points from the left, the leftmost the highest bit.
#[rustfmt::skip]
const SYMBOLS: [(char, [u8; 5]); 41] = [
    ('A', [0b010, 0b101, 0b111, 0b101, 0b101]), ('B', [0b110, 0b101, 0b110, 0b101, 0b110]),
    ('C', [0b011, 0b100, 0b100, 0b100, 0b011]), ('D', [0b110, 0b101, 0b101, 0b101, 0b110]),
    ('E', [0b111, 0b100, 0b110, 0b100, 0b111]), ('F', [0b111, 0b100, 0b110, 0b100, 0b100]),
    ('G', [0b011, 0b100, 0b101, 0b101, 0b011]), ('H', [0b101, 0b101, 0b111, 0b101, 0b101]),
    ('I', [0b111, 0b010, 0b010, 0b010, 0b111]), ('J', [0b001, 0b001, 0b001, 0b101, 0b010]),
    ('K', [0b101, 0b101, 0b110, 0b101, 0b101]), ('L', [0b100, 0b100, 0b100, 0b100, 0b111]),
    ('M', [0b101, 0b111, 0b111, 0b101, 0b101]), ('N', [0b110, 0b101, 0b101, 0b101, 0b101]),
    ('O', [0b010, 0b101, 0b101, 0b101, 0b010]), ('P', [0b110, 0b101, 0b110, 0b100, 0b100]),
    ('Q', [0b010, 0b101, 0b101, 0b110, 0b011]), ('R', [0b110, 0b101, 0b110, 0b101, 0b101]),
    ('S', [0b011, 0b100, 0b010, 0b001, 0b110]), ('T', [0b111, 0b010, 0b010, 0b010, 0b010]),
    ('U', [0b101, 0b101, 0b101, 0b101, 0b111]), ('V', [0b101, 0b101, 0b101, 0b101, 0b010]),
    ('W', [0b101, 0b101, 0b111, 0b111, 0b101]), ('X', [0b101, 0b101, 0b010, 0b101, 0b101]),
    ('Y', [0b101, 0b101, 0b010, 0b010, 0b010]), ('Z', [0b111, 0b001, 0b010, 0b100, 0b111]),
    ('0', [0b111, 0b101, 0b101, 0b101, 0b111]), ('1', [0b010, 0b110, 0b010, 0b010, 0b111]),
    ('2', [0b110, 0b001, 0b010, 0b100, 0b111]), ('3', [0b110, 0b001, 0b010, 0b001, 0b110]),
    ('4', [0b101, 0b101, 0b111, 0b001, 0b001]), ('5', [0b111, 0b100, 0b110, 0b001, 0b110]),
    ('6', [0b011, 0b100, 0b111, 0b101, 0b111]), ('7', [0b111, 0b001, 0b001, 0b010, 0b010]),
    ('8', [0b111, 0b101, 0b111, 0b101, 0b111]), ('9', [0b111, 0b101, 0b111, 0b001, 0b110]),
    (' ', [0, 0, 0, 0, 0]), ('.', [0, 0, 0, 0, 0b010]), ('-', [0, 0, 0b111, 0, 0]), ('_', [0, 0, 0, 0, 0b111]),
    ('?', [0b110, 0b001, 0b010, 0, 0b010]),
];

/// Calls `ink` for every pixel of the text, from (0, 0). Small letters are drawn as capitals, unknown symbols as `?`.
pub fn draw(text: &str, mut ink: impl FnMut(usize, usize)) {
    for (place, symbol) in text.chars().enumerate() {
        for (row, points) in rows(symbol.to_ascii_uppercase()).into_iter().enumerate() {
            for column in (0..3).filter(|column| points >> (2 - column) & 1 == 1) {
                for pixel in 0..SCALE * SCALE {
                    let x = (place * ADVANCE + column) * SCALE + pixel % SCALE;
                    ink(x, row * SCALE + pixel / SCALE);
                }
            }
        }
    }
}

fn rows(symbol: char) -> [u8; 5] {
    let known = SYMBOLS.iter().find(|(known, _)| *known == symbol);
    known.map_or_else(|| rows('?'), |(_, rows)| *rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_where_it_should_be() {
        let mut points = std::collections::BTreeSet::new();
        draw("lé", |x, y| {
            points.insert((x / SCALE, y / SCALE));
        });
        let rows = (0..5).map(|y| (0..7).map(|x| if points.contains(&(x, y)) { '#' } else { '.' }).collect());
        let rows: Vec<String> = rows.collect();
        assert_eq!(rows, ["#...##.", "#.....#", "#....#.", "#......", "###..#."]);
        let mut shapes: Vec<_> = SYMBOLS.iter().map(|(_, rows)| rows).collect();
        shapes.sort();
        shapes.dedup();
        assert_eq!(shapes.len(), SYMBOLS.len(), "two symbols look alike");
    }
}
