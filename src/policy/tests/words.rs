//! Words that are not what a rule takes them for, and those that are missing.

use super::super::rule::Action;
use super::{answer, rules};

fn allow(command: &str) -> [super::Policy; 1] {
    [rules(&format!("[[rule]]\naction = \"allow\"\ncommand = {command}"))]
}

#[test]
fn a_first_word_that_may_be_options_has_to_be_named() {
    let listing = "words = [\"./**\", \"...\"], options = [\"-t\", \"-f ./**\", \"-v\", \"-y\"]";
    for (program, asked, allowed) in [
        ("tar", "tar xf x.tar", "tar -tf x.tar src"),
        ("tar", "tar tIf ./evil.sh x.tar", "tar -t -v -f x.tar"),
        ("gtar", "gtar xf x.tar", "gtar -tvf x.tar"),
        ("bsdtar", "bsdtar xf x.tar", "bsdtar -tf x.tar"),
        ("/usr/bin/tar", "/usr/bin/tar xf x.tar", "/usr/bin/tar -tf x.tar"),
        ("ar", "ar x lib.a", "ar -t lib.a"),
        ("x86_64-linux-gnu-ar", "x86_64-linux-gnu-ar d lib.a a.o", "x86_64-linux-gnu-ar -t lib.a"),
        ("jar", "jar xf a.jar", "jar -tf a.jar"),
        ("7z", "7z x a.7z", "7z -y"),
        ("7z", "7z -y x a.7z", "7z -y"),
        ("unrar", "unrar x a.rar", "unrar -y"),
        ("ps", "ps e", "ps -t"),
    ] {
        let policies = allow(&format!("{{ program = \"{program}\", {listing} }}"));
        assert_eq!(answer(&policies, asked), Action::Ask, "{asked}");
        assert_eq!(answer(&policies, allowed), Action::Allow, "{allowed}");
    }
    for (command, text, action) in [
        ("{ program = \"tar\", words = [\"**\"] }", "tar xf x", Action::Ask),
        ("{ program = \"tar\", words = [\"tf\", \"./**\"] }", "tar tf x.tar", Action::Allow),
        ("{ program = \"tar\", words = [[\"tf\", \"tvf\"], \"./**\"] }", "tar xf x.tar", Action::Ask),
        ("{ program = \"7z\", words = [\"l\", \"./**\"], options = [\"-y\"] }", "7z l a.7z -y", Action::Allow),
        ("{ program = \"7z\", words = [\"-y\", \"./**\", \"...\"] }", "7z -y x a.7z", Action::Ask),
        ("{ program = \"ps\", words = [\"**\"] }", "ps aux", Action::Allow),
        ("{ program = \"ls\", words = [\"./**\", \"...\"] }", "ls xf", Action::Allow),
    ] {
        assert_eq!(answer(&allow(command), text), action, "{command}: {text}");
    }
}
