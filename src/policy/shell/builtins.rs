//! Words that are no programs: keywords, and builtins that change the shell or read their words once more.

/// Words with a meaning of their own where a program would stand, in bash, zsh or dash.
const KEYWORDS: [&str; 29] = [
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "for",
    "while",
    "until",
    "do",
    "done",
    "case",
    "esac",
    "in",
    "function",
    "select",
    "time",
    "coproc",
    "repeat",
    "foreach",
    "end",
    "always",
    "nocorrect",
    "noglob",
    "[[",
    "]]",
    "{",
    "}",
    "!",
    "-",
];

/// Builtins after which the same words mean something else, or that run what they are given.
const CHANGING: [&str; 76] = [
    ".",
    "alias",
    "autoload",
    "bg",
    "bind",
    "bindkey",
    "break",
    "builtin",
    "caller",
    "cd",
    "chdir",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disable",
    "disown",
    "emulate",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "float",
    "functions",
    "getopts",
    "hash",
    "history",
    "integer",
    "jobs",
    "let",
    "limit",
    "local",
    "log",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "r",
    "read",
    "readarray",
    "readonly",
    "rehash",
    "return",
    "sched",
    "set",
    "setopt",
    "shift",
    "shopt",
    "source",
    "stty",
    "suspend",
    "times",
    "trap",
    "ttyctl",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unfunction",
    "unhash",
    "unlimit",
    "unset",
    "unsetopt",
    "vared",
    "wait",
    "zcompile",
    "zle",
    "zmodload",
    "zparseopts",
    "zstyle",
];

/// Builtins that read an array subscript or arithmetic in their words, and run what stands in it: `test -v
/// 'a[$(…)]'` in bash, `printf %d 'a[$(…)]'` in zsh.
const EVALUATING: [&str; 5] = ["test", "[", "printf", "print", "kill"];

/// Why a part with this word in the program's place cannot be judged.
pub fn why_unreadable(program: &str) -> Option<String> {
    let why = if program.is_empty() {
        "an empty program".to_owned()
    } else if program.contains('=') {
        "an assignment ('=') before the program".to_owned()
    } else if KEYWORDS.contains(&program) {
        format!("'{program}', a word of the shell's own language")
    } else if CHANGING.contains(&program) {
        format!("'{program}', which changes the shell or runs its words")
    } else if EVALUATING.contains(&program) {
        format!("'{program}', whose words a shell may evaluate")
    } else {
        return None;
    };
    Some(why)
}
