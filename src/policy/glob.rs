//! Patterns with `*` and `?`, over letters and over the segments of paths.

/// One place of a pattern. `*` does not care what it runs over; whoever matches paths splits them first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Letter(char),
    One,
    Many,
}

impl Piece {
    pub fn letter(self) -> Option<char> {
        if let Self::Letter(letter) = self { Some(letter) } else { None }
    }
}

/// A pattern over the letters of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pieces: Vec<Piece>,
    /// The text that it stands for, if it is only one.
    text: Option<String>,
}

impl Glob {
    /// Reads a pattern. A backslash takes the meaning from the letter behind it.
    pub fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let piece = match letter {
                '*' if pieces.last() == Some(&Piece::Many) => continue,
                '*' => Piece::Many,
                '?' => Piece::One,
                '\\' => Piece::Letter(letters.next().unwrap_or('\\')),
                letter => Piece::Letter(letter),
            };
            pieces.push(piece);
        }
        Self::of(pieces)
    }

    fn of(pieces: Vec<Piece>) -> Self {
        let text = pieces.iter().map(|piece| piece.letter()).collect();
        Self { pieces, text }
    }

    /// What a shell could make of a word that it has not expanded yet: a bracket expression stands for any letter.
    pub fn of_shell_word(text: &str) -> Self {
        let mut simple = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let tail = &rest[letter.len_utf8()..];
            rest = tail;
            let close = if letter == '[' { bracket_end(tail) } else { None };
            match close {
                Some(close) => {
                    simple.push('?');
                    rest = &tail[close + 1..];
                }
                // No later one closes either.
                None if letter == '[' => {
                    simple.push_str(&tail.replace('[', "?"));
                    simple.push('?');
                    rest = "";
                }
                None => simple.push(letter),
            }
        }
        Self::new(&simple)
    }

    /// A text as a pattern that only it fits.
    pub fn literal(text: &str) -> Self {
        Self::of(text.chars().map(Piece::Letter).collect())
    }

    /// The text that it stands for, if it is only one.
    pub fn as_text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub fn first(&self) -> Option<Piece> {
        self.pieces.first().copied()
    }

    pub fn fits(&self, text: &str, case: Case) -> bool {
        let (mut at, mut rest) = (0, text.chars());
        // Where the last `*` stands, and what it has not run over yet.
        let mut star: Option<(usize, std::str::Chars)> = None;
        loop {
            let before = rest.clone();
            match (self.pieces.get(at), rest.next()) {
                (None, None) => return true,
                (Some(Piece::Many), _) => {
                    rest = before;
                    at += 1;
                    star = Some((at, rest.clone()));
                    continue;
                }
                (Some(Piece::One), Some(_)) => at += 1,
                (Some(Piece::Letter(wanted)), Some(letter)) if case.same(*wanted, letter) => at += 1,
                _ => {
                    let Some((after, from)) = &mut star else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    at = *after;
                    rest = from.clone();
                }
            }
        }
    }

    /// Whether some text fits both. Of two very long patterns it is assumed.
    pub fn overlaps(&self, other: &Self, case: Case) -> bool {
        if let (Some(one), Some(two)) = (&self.text, &other.text) {
            return one == two || case == Case::Ignored && one.to_lowercase() == two.to_lowercase();
        }
        if self.pieces.len() > LONGEST || other.pieces.len() > LONGEST {
            return true;
        }
        let many = |pieces: &[Piece], at: usize| pieces[at] == Piece::Many;
        let fit = |one: usize, two: usize| match (self.pieces[one], other.pieces[two]) {
            (Piece::Letter(one), Piece::Letter(two)) => case.same(one, two),
            _ => true,
        };
        let (ours, theirs) = (self.pieces.len(), other.pieces.len());
        overlap((ours, theirs), |at| many(&self.pieces, at), |at| many(&other.pieces, at), fit)
    }

    /// Whether some text fits both of which the other pattern names most, and does not merely run over it with a `*`:
    /// `.en?` and `*nv` name `.env`, `*.json` does not name `credentials.json`. What has no letters is named by all.
    pub fn is_named_by(&self, other: &Self, case: Case) -> bool {
        let is_letter = |piece: &Piece| matches!(piece, Piece::Letter(letter) if letter.is_alphanumeric());
        let letters = self.pieces.iter().filter(|piece| is_letter(piece)).count();
        if letters == 0 || self.pieces.len() > LONGEST || other.pieces.len() > LONGEST {
            return self.overlaps(other, case);
        }
        let first = self.pieces.iter().position(is_letter);
        let worth = |one: usize, two: usize| match (self.pieces[one], other.pieces[two]) {
            (Piece::Letter(one), Piece::Letter(two)) if !case.same(one, two) => None,
            (Piece::Letter(letter), Piece::Letter(_)) if letter.is_alphanumeric() => {
                // Whoever knows how it begins means it.
                Some(if Some(one) == first { letters } else { 1 })
            }
            (Piece::Letter(letter), Piece::One) if letter.is_alphanumeric() => Some(1),
            _ => Some(0),
        };
        let is_many = |piece: &Piece| *piece == Piece::Many;
        let (ours, theirs) = (self.pieces.len(), other.pieces.len());
        // How many letters are named at most by what begins at these two places, from the end.
        let mut below: Vec<Option<usize>> = vec![None; theirs + 1];
        let mut line = below.clone();
        for one in (0..=ours).rev() {
            for two in (0..=theirs).rev() {
                let one_many = self.pieces.get(one).is_some_and(is_many);
                let two_many = other.pieces.get(two).is_some_and(is_many);
                let next = if two < theirs { line[two + 1] } else { None };
                line[two] = match (one < ours, two < theirs) {
                    (false, false) => Some(0),
                    _ if one_many => below[two].max(next),
                    (more, _) if two_many => next.max(below[two].filter(|_| more)),
                    (true, true) => {
                        below[two + 1].and_then(|named| worth(one, two).map(|worth| named + worth))
                    }
                    _ => None,
                };
            }
            std::mem::swap(&mut below, &mut line);
        }
        below[0].is_some_and(|named| named * 3 >= letters * 2)
    }
}

/// Where a bracket expression ends, from what follows its bracket.
fn bracket_end(tail: &str) -> Option<usize> {
    // It may close at once as a member of its own set: `[]x]`, `[!]x]`.
    let mut at = usize::from(tail.starts_with(['!', '^']));
    at += usize::from(tail[at..].starts_with(']'));
    let mut unclosed = "";
    while let Some(next) = tail[at..].find(['[', ']']) {
        at += next;
        if tail[at..].starts_with(']') {
            return Some(at);
        }
        // `[:lower:]`, `[.x.]` and `[=x=]` have brackets of their own.
        let inner = &tail[at + 1..];
        let close =
            [(":", ":]"), (".", ".]"), ("=", "=]")].into_iter().find(|(sign, _)| inner.starts_with(sign));
        let close = close.map(|(_, close)| close).filter(|close| *close != unclosed);
        at += 1;
        match close.map(|close| (close, inner[1..].find(close))) {
            Some((_, Some(end))) => at += 1 + end + 2,
            // No later one closes either.
            Some((close, None)) => unclosed = close,
            None => {}
        }
    }
    None
}

/// Patterns with more places are not compared with each other.
const LONGEST: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Exact,
    Ignored,
}

impl Case {
    fn same(self, one: char, two: char) -> bool {
        one == two || self == Self::Ignored && one.to_lowercase().eq(two.to_lowercase())
    }
}

/// Whether two sequences of single places and places that stand for any number have something in common.
pub fn overlap(
    lengths: (usize, usize),
    first_many: impl Fn(usize) -> bool,
    second_many: impl Fn(usize) -> bool,
    fit: impl Fn(usize, usize) -> bool,
) -> bool {
    let (first, second) = lengths;
    // Whether what begins at these two places has something in common, from the end.
    let mut below = vec![false; second + 1];
    let mut line = vec![false; second + 1];
    for one in (0..=first).rev() {
        for two in (0..=second).rev() {
            line[two] = if one < first && first_many(one) {
                below[two] || two < second && line[two + 1]
            } else if two < second && second_many(two) {
                line[two + 1] || one < first && below[two]
            } else if one == first || two == second {
                one == first && two == second
            } else {
                fit(one, two) && below[two + 1]
            };
        }
        std::mem::swap(&mut below, &mut line);
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_runs_over_anything_and_a_question_mark_over_one_letter() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "acb", false),
            ("*a*b*", "xxaxxbxx", true),
            ("?", "é", true),
            ("?", "", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Glob::new(pattern).fits(text, Case::Exact), fits, "{pattern} {text}");
        }
        assert!(Glob::new("RM").fits("rm", Case::Ignored));
    }

    #[test]
    fn a_bracket_expression_is_one_letter() {
        for (word, text) in
            [("[[:lower:]]m", "rm"), ("[!]r]m", "rm"), ("[]r]m", "rm"), ("[[.r.]x]m", "rm"), ("[r[]m", "rm")]
        {
            assert!(Glob::of_shell_word(word).fits(text, Case::Exact), "{word}");
        }
        assert!(!Glob::of_shell_word("[[:lower:]]m").fits("rmm", Case::Exact));
    }

    #[test]
    fn a_pattern_names_what_it_does_not_merely_run_over() {
        for (pattern, other, named) in [
            (".env", ".en?", true),
            (".env", ".e*", true),
            (".env", "*nv", true),
            (".env", "*", false),
            (".env.*", "*.rs", false),
            ("credentials.json", "*.json", false),
            ("credentials.json", "*redentials.js*", true),
            ("id_rsa*", "*.md", false),
            ("id_rsa*", "i*", true),
            ("*.pem", "*.pem", true),
            ("*.pem", "*", false),
            ("secrets", "src", false),
            ("*", "x*", true),
        ] {
            let (pattern_glob, other_glob) = (Glob::new(pattern), Glob::of_shell_word(other));
            assert_eq!(pattern_glob.is_named_by(&other_glob, Case::Ignored), named, "{pattern} {other}");
        }
    }

    #[test]
    fn two_patterns_overlap_if_some_text_fits_both() {
        for (one, two, common) in [
            ("r?", "rm", true),
            ("[r]m", "rm", true),
            ("*", "", true),
            ("a*", "*b", true),
            ("a*c", "b*", false),
            ("*.rs", "*.toml", false),
            ("x", "y", false),
        ] {
            let (one_glob, two_glob) = (Glob::of_shell_word(one), Glob::of_shell_word(two));
            assert_eq!(one_glob.overlaps(&two_glob, Case::Exact), common, "{one} {two}");
            assert_eq!(two_glob.overlaps(&one_glob, Case::Exact), common, "{two} {one}");
        }
    }
}
