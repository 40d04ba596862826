//! How the command is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        // At a fixed address there is nothing to relocate. Otherwise each shim and each hook touches a
        // hundred pages before `main`, and a shim keeps 400 KiB of them. Heap, stack and libraries are placed
        // at random all the same.
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
