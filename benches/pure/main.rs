//! Benchmarks of pure code: no tmux, no files, no clock. `cargo bench --bench pure [FILTER]`.

mod fan_out;
mod journal;
mod parser;
mod screen;

fn main() {
    divan::main();
}
