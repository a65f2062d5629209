//! Loops of maintainer scripts over plain words: `for NAME in one two; do`, with `done` on a line of its own. The words may be in a variable, set before.

/// Loops in loops in loops make no more lines than this.
const MOST_LINES: usize = 10_000;

/// The lines with those of a loop over plain words once for each, after a line that sets the variable.
pub(crate) fn unrolled(lines: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        rest = after;
        let head = loop_over(line, &all).zip(end_of_loop(after));
        let Some(((name, words), len)) = head else {
            all.push(line.clone());
            continue;
        };
        let body = unrolled(&after[..len]);
        for word in words {
            if all.len() > MOST_LINES {
                break;
            }
            all.push(format!("{name}={word}"));
            all.extend(body.iter().cloned());
        }
        rest = &after[len..];
    }
    all
}

/// The variable and the words of `for NAME in WORDS; do`, after some lines.
fn loop_over(line: &str, before: &[String]) -> Option<(String, Vec<String>)> {
    let (name, words) = line.trim().strip_prefix("for ")?.split_once(" in ")?;
    let words = words.trim_end().strip_suffix("do")?.trim_end().strip_suffix(';')?;
    let words = match words.trim().strip_prefix('$') {
        Some(name) => value_of(name.trim_matches(['{', '}']), before)?,
        None => words,
    };
    let is_plain = |text: &str| {
        text.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._-/ \t".contains(letter))
    };
    let name = name.trim().to_string();
    (is_plain(words) && is_plain(&name)).then(|| (name, words.split_whitespace().map(str::to_string).collect()))
}

/// What a variable was last set to, in quotes.
fn value_of<'a>(name: &str, before: &'a [String]) -> Option<&'a str> {
    let value = |line: &'a String| line.trim().strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"');
    before.iter().rev().find_map(value)
}

/// How many lines the body of a loop has.
fn end_of_loop(lines: &[String]) -> Option<usize> {
    let mut depth = 1;
    lines.iter().position(|line| {
        let mut words = line.split([' ', '\t', ';']).filter(|word| !word.is_empty());
        depth += words.clone().filter(|word| *word == "do").count();
        depth -= usize::from(words.any(|word| word == "done"));
        depth == 0
    })
}
