//! What is wrong with a policy is told by line, rule and field.

use super::super::read::read;
use super::super::warn::{self, Risk};
use super::rules;

#[test]
fn a_mistake_names_file_line_rule_and_field() {
    let text = "\
name = \"x\"

[[rule]]
action = \"allow\"
command = { program = \"ls\" }

[[rule]]
action = \"allow\"
command = { program = \"git\", words = [\"status\"], option = [\"-s\"] }
";
    let mistakes = read(text).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    let (mistake, told) = (&mistakes[0], mistakes[0].in_file("policy.toml"));
    assert_eq!((mistake.line, mistake.rule, mistake.field.as_str()), (9, Some(2), "option"));
    assert_eq!(told, "policy.toml:9: rule 2: 'option' is not a field of a command; did you mean 'options'?");
}

/// The mistakes of a rule, whose first line is 3.
fn told(rule: &str) -> Vec<String> {
    let text = format!("name = \"x\"\n\n[[rule]]\n{rule}");
    read(&text).unwrap_err().iter().map(ToString::to_string).collect()
}

const WRONG_RULES: &[(&str, &str)] = &[
    (
        "action = \"allow\"",
        "3: rule 1: the rule has none of 'tool', 'command', 'args' and 'paths'; '*' means every tool",
    ),
    ("tool = \"x\"", "3: rule 1: 'action' is missing"),
    (
        "action = \"permit\"\ntool = \"x\"",
        "4: rule 1: 'action' has to be \"allow\", \"deny\" or \"ask\", not \"permit\"",
    ),
    ("action = 1\ntool = \"x\"", "4: rule 1: 'action' has to be a string in quotes"),
    ("action = \"allow\"\ntool = [1]", "5: rule 1: 'tool' has to be a string or a list of strings"),
    ("action = \"allow\"\ntool = []", "5: rule 1: 'tool' is empty"),
    (
        "action = \"allow\"\ntool = \"Bash\"",
        "5: rule 1: an allow rule for a shell needs 'command'; a shell can do anything",
    ),
    (
        "action = \"allow\"\npaths = \"./x\"",
        "5: rule 1: 'paths' is for deny and ask; use 'args' or 'command' in an allow rule",
    ),
    (
        "action = \"deny\"\npaths = \"x\"",
        "5: rule 1: 'x' is not a path pattern; it has to begin with './', '~/' or '/'",
    ),
    (
        "action = \"deny\"\npaths = \"./../x\"",
        "5: rule 1: './../x' contains '..'; write the directory that you mean",
    ),
    (
        "action = \"deny\"\npaths = \"./a**\"",
        "5: rule 1: './a**': '**' has to stand alone between two slashes",
    ),
    (
        "action = \"allow\"\ntool = \"Read\"\ncommand = { program = \"x\" }",
        "5: rule 1: 'command' is for tools that run shell commands; name them 'Bash'",
    ),
    ("action = \"allow\"\ncommand = \"git\"", "5: rule 1: 'command' has to be a table, like { … }"),
    ("action = \"allow\"\ncommand = { words = [\"x\"] }", "5: rule 1: 'program' is missing"),
    (
        "action = \"allow\"\ncommand = { program = \"./run.sh\" }",
        "5: rule 1: './run.sh' is a path that depends on the directory; what lies there can be changed after the rule was written. \
             Use a bare name or an absolute path",
    ),
    (
        "action = \"allow\"\ncommand = { program = \"g*\" }",
        "5: rule 1: 'g*': an allow rule names one program, by its plain name",
    ),
    (
        "action = \"allow\"\ncommand = { program = \"x\", options = [\"-*\"] }",
        "5: rule 1: '-*' would allow every option; list the options that you mean",
    ),
    (
        "action = \"allow\"\ncommand = { program = \"x\", options = [\"s\"] }",
        "5: rule 1: 's' is not an option; an option begins with '-'",
    ),
    (
        "action = \"allow\"\ncommand = { program = \"x\", words = [\"*\", \"-s\"] }",
        "5: rule 1: '-s' begins with '-' after a wildcard; list it under 'options'",
    ),
    (
        "action = \"allow\"\ncommand = { program = \"x\", words = [\"**\", \"y\"] }",
        "5: rule 1: in an allow rule '**' and '...' have to stand alone, at the end",
    ),
    (
        "action = \"deny\"\ncommand = { program = \"x\", words = [\"-s\"] }",
        "5: rule 1: '-s' cannot be among the words of a deny or ask; options have a list of their own",
    ),
    (
        "action = \"allow\"\ntool = \"x\"\nargs = { a = 1 }",
        "6: rule 1: 'args.a' has to be a pattern or a list of patterns",
    ),
    ("action = \"allow\"\ntool = \"x\"\nmatch = \"y\"", "6: rule 1: 'match' has to be a list"),
];

#[test]
fn what_a_rule_cannot_say_is_a_mistake() {
    for (rule, expected) in WRONG_RULES {
        assert_eq!(told(rule), [*expected], "{rule}");
    }
}

#[test]
fn what_a_policy_cannot_say_is_a_mistake() {
    for (text, expected) in [
        ("", "1: 'name' is missing"),
        ("name = \"\"", "1: 'name' has to have 1 to 100 printable characters"),
        ("name = \"x\"\ndefault = \"allow\"", "2: 'default' has to be \"ask\" or \"deny\", not \"allow\""),
        ("name = \"x\"\nfail = \"open\"", "2: 'fail' has to be \"rules\" or \"deny\", not \"open\""),
        ("name = \"x\"\npriority = 1.5", "2: 'priority' has to be a whole number"),
        ("name = \"x\"\nprio = 1", "2: 'prio' is not a field of a policy"),
        ("name = \"x\"\ndirectories = []", "2: 'directories' is empty; leave it out to apply everywhere"),
        (
            "name = \"x\"\ndirectories = [\"work\"]",
            "2: 'work/**' is not a path pattern; it has to begin with './', '~/' or '/'",
        ),
        (
            "name = \"x\"\ndirectories = [\"/a\"]\nsessions = [\"s\"]",
            "3: a policy has either 'directories' or 'sessions', not both",
        ),
        ("name = \"x\"\nrule = 1", "2: rules begin with [[rule]]"),
        ("name = \"x\"\nname = \"y\"", "2: this is not valid TOML: duplicate key"),
    ] {
        let mistakes: Vec<String> = read(text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(mistakes, [expected], "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "name = \"x\"\nwhat = 1\n[[rule]]\naction = \"no\"\n[[rule]]\naction = \"deny\"\ntool = 1\n";
    let lines: Vec<usize> = read(text).unwrap_err().iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [2, 4, 7]);
}

#[test]
fn an_example_that_does_not_do_what_it_says_is_a_mistake() {
    let rule =
        "action = \"allow\"\ncommand = { program = \"git\", words = [\"status\"], options = [\"-s\"] }\n";
    assert_eq!(
        told(&format!("{rule}match = [\n  \"git status\",\n  \"git status --porcelain\",\n]")),
        [
            "8: rule 1: the example 'git status --porcelain' is not matched by its rule: the option '--porcelain' is not in the rule's list"
        ]
    );
    assert_eq!(
        told(&format!("{rule}not_match = [\"git push\", \"git status -s\"]")),
        ["6: rule 1: the example 'git status -s' is matched by its rule, and should not be"]
    );
    assert_eq!(
        told(&format!("{rule}match = [\"git status $x\"]")),
        [
            "6: rule 1: the example 'git status $x' is not matched by its rule: it cannot be read (a variable or a substitution ('$'))"
        ]
    );
    let two = "action = \"allow\"\ntool = \"x\"\nargs = { a = \"1\", b = \"2\" }\n";
    assert_eq!(
        told(&format!("{two}match = [\"1\"]")),
        ["7: rule 1: an example of this rule has to name the fields, like { file_path = \"…\" }"]
    );
    rules(&format!("[[rule]]\n{two}match = [{{ a = \"1\", b = \"2\" }}]\nnot_match = [{{ a = \"1\" }}]"));
}

#[test]
fn an_allow_that_admits_more_than_it_seems_is_warned_of() {
    let warn = |command: &str| {
        let policy = rules(&format!("[[rule]]\naction = \"allow\"\ncommand = {command}"));
        warn::warnings(&policy).into_iter().map(|warning| warning.risk).max()
    };
    for command in [
        "{ program = \"env\", words = [\"**\"] }",
        "{ program = \"xargs\", words = [\"ls\"] }",
        "{ program = \"/usr/bin/awk\", words = [\"*\"] }",
        "{ program = \"sed\", words = [\"*\"] }",
        "{ program = \"sh\", words = [\"*\"] }",
        "{ program = \"sudo\", words = [\"ls\"] }",
        "{ program = \"python3.12\", words = [\"*\"] }",
        "{ program = \"node\", words = [\"**\"] }",
        "{ program = \"tar\", words = [\"**\"] }",
        "{ program = \"tee\", words = [\"*\"] }",
        "{ program = \"find\", words = [\"**\"], options = [\"-exec\"] }",
        "{ program = \"find\", words = [\"**\"], options = [\"-name *\", \"-fprintf *\"] }",
        "{ program = \"rg\", words = [\"**\"], options = [\"--pre=*\"] }",
        "{ program = \"sort\", words = [\"**\"], options = [\"-o *\"] }",
        "{ program = \"git\", words = [\"**\"] }",
        "{ program = \"git\", words = [\"-c\", \"*\", \"log\"] }",
        "{ program = \"git\", words = [\"config\", \"**\"] }",
        "{ program = \"git\", words = [\"diff\"], options = [\"--output=*\"] }",
        "{ program = \"npm\", words = [\"run\", \"*\"] }",
        "{ program = \"npm\", words = [[\"test\", \"run\"], \"**\"] }",
        "{ program = \"npm\", words = [\"run\", \"./**\"] }",
        "{ program = \"npm\", words = [\"run\", \"*build\"] }",
        "{ program = \"git\", words = [\"./**\", \"...\"] }",
        "{ program = \"npm\", words = [\"./**\", \"...\"] }",
        "{ program = \"docker\", words = [\"./**\", \"...\"] }",
        "{ program = \"go\", words = [\"./**\"] }",
        "{ program = \"cargo\", words = [\"./**\"] }",
        "{ program = \"git\", words = [\"push\", \"./**\"] }",
        "{ program = \"uniq\", words = [\"./**\", \"...\"] }",
        "{ program = \"xxd\", words = [\"./**\", \"...\"] }",
        "{ program = \"tee\", words = [\"./**\"] }",
        "{ program = \"cp\", words = [\"./**\", \"./**\"] }",
        "{ program = \"tar\", words = [\"./**\", \"...\"], options = [\"-t\", \"-f ./**\"] }",
        "{ program = \"make\", words = [\"./**\"] }",
        "{ program = \"kill\", words = [\"<number>\"] }",
        "{ program = \"npx\", words = [\"tsc\"] }",
        "{ program = \"docker\", words = [\"run\", \"**\"] }",
        "{ program = \"uniq\", words = [\"**\"] }",
        "{ program = \"guniq\", words = [\"**\"] }",
        "{ program = \"git\", words = [\"diff\"], options = [\"--o*\"] }",
        "{ program = \"find\", words = [\"./**\"], options = [\"-e*\"] }",
        "{ program = \"gfind\", words = [\"./**\"], options = [\"-exec *\"] }",
        "{ program = \"fdfind\", words = [\"*\"], options = [\"-x *\"] }",
        "{ program = \"go\", words = [\"build\", \"./**\"], options = [\"-ldflags=*\"] }",
        "{ program = \"rsync\", words = [\"./**\", \"...\"], options = [\"-a\", \"-e *\"] }",
        "{ program = \"tar\", words = [\"./**\", \"...\"], options = [\"-x\", \"--to-command=*\"] }",
        "{ program = \"curl\", words = [\"https://example.com/\"], options = [\"-K *\"] }",
        "{ program = \"pnpm\", words = [\"test\"], options = [\"--script-shell=*\"] }",
        "{ program = \"yarn\", words = [\"test\"], options = [\"--script-shell *\"] }",
        "{ program = \"pip3.11\", words = [\"install\", \"**\"] }",
        "{ program = \"perl5.36-x86_64-linux-gnu\", words = [\"*\"] }",
        "{ program = \"x86_64-linux-gnu-gcc-13\", words = [\"*\"] }",
        "{ program = \"vim.basic\", words = [\"*\"] }",
        "{ program = \"go\", words = [\"run\", \"*\"] }",
        "{ program = \"/home/u/project/run.sh\" }",
        "{ program = \"/usr/../tmp/run.sh\" }",
    ] {
        assert_eq!(warn(command), Some(Risk::Anything), "{command}");
    }
    for command in [
        "{ program = \"npm\", words = [\"test\"] }",
        "{ program = \"npm\", words = [\"run\", \"build\"] }",
        "{ program = \"cargo\", words = [\"test\", \"**\"] }",
        "{ program = \"python\", words = [\"-m\", \"pytest\"] }",
        "{ program = \"make\", words = [\"test\"] }",
        "{ program = \"python\", words = [\"-m\", \"pytest\", \"./**\", \"...\"] }",
        "{ program = \"pytest\", words = [\"./**\", \"...\"] }",
        "{ program = \"git\", words = [\"commit\"], options = [\"-m *\"] }",
    ] {
        assert_eq!(warn(command), Some(Risk::Project), "{command}");
    }
    for command in [
        "{ program = \"ls\", words = [\"**\"] }",
        "{ program = \"/usr/bin/ls\", words = [\"**\"] }",
        "{ program = \"git\", words = [\"status\"], options = [\"-s\"] }",
        "{ program = \"git\", words = [\"diff\"], options = [\"--s*\"] }",
    ] {
        assert_eq!(warn(command), None, "{command}");
    }
    for (path, risk) in [
        ("/home/**", Some(Risk::Anything)),
        ("/h*/**", Some(Risk::Anything)),
        ("/home/u/**", Some(Risk::Anything)),
        ("~/*", Some(Risk::Anything)),
        ("/etc/cron.d/*", Some(Risk::Anything)),
        ("~/work/**", None),
        ("./src/**", None),
    ] {
        let rule =
            format!("[[rule]]\naction = \"allow\"\ntool = \"Write\"\nargs = {{ file_path = \"{path}\" }}");
        assert_eq!(warn::warnings(&rules(&rule)).first().map(|warning| warning.risk), risk, "{path}");
    }
    for (url, risk) in [
        ("https://example.com*", Some(Risk::Anything)),
        ("https://*.example.com/x", Some(Risk::Anything)),
        ("https://example.com/*", None),
        ("https://example.com", None),
    ] {
        let rule = format!("[[rule]]\naction = \"allow\"\ntool = \"WebFetch\"\nargs = {{ url = \"{url}\" }}");
        assert_eq!(warn::warnings(&rules(&rule)).first().map(|warning| warning.risk), risk, "{url}");
    }
}
