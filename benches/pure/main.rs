//! Benchmarks of pure code: no tmux, no clock, and no files but the journal's. `cargo bench --bench pure [FILTER]`.

mod fan_out;
mod journal;
mod parser;
mod screen;

fn main() {
    divan::main();
}
