//! What the documentation shows can be typed.

use std::process::Command;

use crate::harness::Home;

/// The commands of the shell blocks in a page; a line that ends with `\\` goes on.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " ")).collect::<Vec<_>>().concat();
    joined.lines().map(str::to_owned).collect()
}

#[test]
fn the_examples_of_the_api_run() {
    let home = Home::running();
    let commands = commands(include_str!("../docs/api.md"));
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert!(command.starts_with("curl --unix-socket /tmp/codepiper.sock "), "{command}");
        let script = command
            .replace("/tmp/codepiper.sock", home.socket().to_str().unwrap())
            .replace("curl ", "curl --silent --show-error --fail-with-body ");
        let done = Command::new("bash").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "{command}\n{said}{}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(home.sessions().is_empty(), "the last example forgets the session of the first");
}
