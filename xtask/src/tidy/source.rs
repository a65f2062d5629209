//! Tells the code of a Rust file from its comments and strings.
//!
//! A lexer of a hundred lines rather than a parser: the rules ask about words and the lines around them, and a full syntax tree would cost
//! more build time than all other checks together. The two views have the lines of the file and the columns of the file, with everything that
//! does not belong to the view replaced by spaces.

/// A file in two views.
pub(super) struct Source {
    /// Code only: comments and the contents of strings are blank.
    pub(super) code: Vec<String>,
    /// Comments only.
    pub(super) comments: Vec<String>,
}

/// What the lexer stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text { raw: bool, hashes: usize },
}

impl Source {
    /// Splits `text`.
    pub(super) fn new(text: &str) -> Self {
        let symbols: Vec<char> = text.chars().collect();
        let mut code = String::new();
        let mut comments = String::new();
        let mut state = State::Code;
        let mut at = 0;
        while at < symbols.len() {
            let (next, taken) = step(state, &symbols, at);
            let in_comment = is_comment(state) || is_comment(next);
            let in_text = matches!(state, State::Text { .. }) || matches!(next, State::Text { .. });
            for symbol in &symbols[at..at + taken] {
                let blank = if *symbol == '\n' { '\n' } else { ' ' };
                let delimiter = *symbol == '"' && state != next;
                comments.push(if in_comment { *symbol } else { blank });
                code.push(if in_comment || in_text && !delimiter {
                    blank
                } else {
                    *symbol
                });
            }
            state = next;
            at += taken;
        }
        let lines = |view: String| view.split('\n').map(str::to_owned).collect();
        Self {
            code: lines(code),
            comments: lines(comments),
        }
    }
}

fn is_comment(state: State) -> bool {
    matches!(state, State::LineComment | State::BlockComment { .. })
}

/// Reads one lexical step at `at`: the state after it and how many characters it took.
fn step(state: State, symbols: &[char], at: usize) -> (State, usize) {
    let here = symbols[at];
    let next = symbols.get(at + 1).copied();
    match state {
        State::LineComment => (if here == '\n' { State::Code } else { state }, 1),
        State::BlockComment { depth } => match (here, next) {
            ('/', Some('*')) => (State::BlockComment { depth: depth + 1 }, 2),
            ('*', Some('/')) if depth == 1 => (State::Code, 2),
            ('*', Some('/')) => (State::BlockComment { depth: depth - 1 }, 2),
            _ => (state, 1),
        },
        State::Text { raw: false, .. } if here == '\\' => (state, 2.min(symbols.len() - at)),
        State::Text { hashes, .. } => {
            let closes = here == '"' && (1..=hashes).all(|offset| symbols.get(at + offset) == Some(&'#'));
            if closes { (State::Code, 1 + hashes) } else { (state, 1) }
        }
        State::Code => match (here, next) {
            ('/', Some('/')) => (State::LineComment, 2),
            ('/', Some('*')) => (State::BlockComment { depth: 1 }, 2),
            ('"', _) => opening_quote(symbols, at),
            ('\'', _) => (State::Code, character_length(symbols, at)),
            _ => (State::Code, 1),
        },
    }
}

/// A `"` in code: looks back for the `r`, `br` or `cr` and the hashes that make it a raw string.
fn opening_quote(symbols: &[char], at: usize) -> (State, usize) {
    let hashes = symbols[..at].iter().rev().take_while(|symbol| **symbol == '#').count();
    let before = at - hashes;
    let raw = before > 0 && symbols[before - 1] == 'r';
    (
        State::Text {
            raw,
            hashes: if raw { hashes } else { 0 },
        },
        1,
    )
}

/// The length of the character literal at `at`, or 1 where the quote begins a lifetime.
fn character_length(symbols: &[char], at: usize) -> usize {
    if symbols.get(at + 1) == Some(&'\\') {
        let close = symbols.iter().skip(at + 3).take(10).position(|symbol| *symbol == '\'');
        return close.map_or(1, |offset| offset + 4);
    }
    if symbols.get(at + 2) == Some(&'\'') { 3 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn code(text: &str) -> String {
        Source::new(text).code.join("\n")
    }

    #[test]
    fn comments_are_blank_in_the_code_and_strings_are_too() {
        assert_eq!(code("a(); // unsafe"), "a();          ");
        assert_eq!(code("a(\"unsafe\")"), "a(\"      \")");
        assert_eq!(code("/* x /* y */ z */b"), "                 b");
    }

    #[test]
    fn escapes_and_raw_strings_end_where_they_end() {
        assert_eq!(code(r#""a\"b" c"#), "\"    \" c");
        assert_eq!(code("r#\"a\"b\"# c"), "r#\"   \"  c");
    }

    #[test]
    fn a_quote_may_be_a_character_or_a_lifetime() {
        assert_eq!(code("'\"' x"), "'\"' x");
        assert_eq!(code("'\\'' \"y\""), "'\\'' \" \"");
        assert_eq!(code("&'a str // y"), "&'a str     ");
        assert_eq!(code("'\\u{1f600}' /**/"), "'\\u{1f600}'     ");
    }

    #[test]
    fn comments_keep_their_lines() {
        let source = Source::new("x\n// why\ny");
        assert_eq!(
            source.comments,
            ["", "// why", ""].map(|line| if line.is_empty() {
                " ".to_owned()
            } else {
                line.to_owned()
            })
        );
        assert_eq!(source.code, ["x", "      ", "y"]);
    }
}
