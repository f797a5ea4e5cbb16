//! Finds functions and their lengths in Rust and WGSL by reading braces, skipping comments, strings and characters. No parser.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Where it starts, counted from 1.
    pub line: usize,
    /// From its `fn` to its closing brace.
    pub lines: usize,
}

/// Every function of a source text, those inside others included.
pub fn lengths(text: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    let mut pending: Option<(String, usize)> = None;
    let (mut depth, mut line) = (0usize, 1usize);
    let (mut word, mut last_word) = (String::new(), String::new());
    for symbol in blank_out(text).chars() {
        if symbol.is_alphanumeric() || symbol == '_' {
            word.push(symbol);
            continue;
        }
        if !word.is_empty() {
            if last_word == "fn" {
                pending = Some((word.clone(), line));
            }
            last_word = std::mem::take(&mut word);
        }
        match symbol {
            '{' => {
                if let Some((name, start)) = pending.take() {
                    open.push((name, start, depth));
                }
                depth += 1;
            }
            '}' => {
                depth = depth.saturating_sub(1);
                if open.last().is_some_and(|(_, _, at)| *at == depth) {
                    let (name, start, _) = open.pop().expect("just seen");
                    found.push(Function { name, line: start, lines: line - start + 1 });
                }
            }
            ';' => pending = None,
            '\n' => line += 1,
            _ => {}
        }
    }
    found
}

/// The text with comments, strings and character literals replaced by spaces, line ends kept.
fn blank_out(text: &str) -> String {
    let symbols: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut i = 0;
    while i < symbols.len() {
        let rest = &symbols[i..];
        let skipped = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => find(rest, 2, &['*', '/']),
            ['r', '"', ..] if !joined(&symbols, i) => find(rest, 2, &['"']),
            ['r', '#', '"', ..] if !joined(&symbols, i) => find(rest, 3, &['"', '#']),
            ['"', ..] => quoted(rest),
            ['\'', '\\', ..] => rest.iter().skip(3).position(|c| *c == '\'').map_or(1, |at| at + 4),
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if skipped == 0 {
            code.push(symbols[i]);
            i += 1;
            continue;
        }
        code.extend(rest[..skipped].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        i += skipped;
    }
    code
}

fn joined(symbols: &[char], i: usize) -> bool {
    i > 0 && (symbols[i - 1].is_alphanumeric() || symbols[i - 1] == '_')
}

fn find(rest: &[char], from: usize, end: &[char]) -> usize {
    rest[from..]
        .windows(end.len())
        .position(|window| window == end)
        .map_or(rest.len(), |at| from + at + end.len())
}

fn quoted(rest: &[char]) -> usize {
    let mut i = 1;
    while i < rest.len() && rest[i] != '"' {
        i += if rest[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_and_comments_do_not_count() {
        let text = "fn a() {\n  let s = \"}\"; // }\n  let c = '}';\n  let r = r#\"}\"#;\n}\ntrait T { fn sig(&self); fn b() {\n } }\n";
        let found = lengths(text);
        assert_eq!(found[0], Function { name: "a".into(), line: 1, lines: 5 });
        assert_eq!(found[1], Function { name: "b".into(), line: 6, lines: 2 });
        assert_eq!(found.len(), 2);
    }
}
