//! Percentiles, and the table.

use std::time::Duration;

/// Durations of one kind, in ms.
#[derive(Default)]
pub struct Samples {
    values: Vec<f64>,
}

impl Samples {
    pub fn push(&mut self, duration: Duration) {
        self.push_value(duration.as_secs_f64() * 1000.0);
    }

    pub fn push_value(&mut self, value: f64) {
        self.values.push(value);
    }

    pub fn append(&mut self, mut other: Self) {
        self.values.append(&mut other.values);
    }

    /// The value that so many percent of the samples do not exceed; 0 without samples.
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let index = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted.get(index.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub fn median(&self) -> f64 {
        self.percentile(50.0)
    }
}

/// What a number has to be.
#[derive(Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// The ratios that count, gathered while the rows print their details.
#[derive(Default)]
pub struct Report {
    ratios: Vec<(String, f64, Target)>,
}

impl Report {
    pub fn ratio(&mut self, what: impl Into<String>, value: f64, target: Target) {
        let what = what.into();
        println!("  {}", line(&what, value, target));
        self.ratios.push((what, value, target));
    }

    pub fn print(&self) {
        if !self.ratios.is_empty() {
            heading("summary");
        }
        for (what, value, target) in &self.ratios {
            println!("  {}", line(what, *value, *target));
        }
    }
}

fn line(what: &str, value: f64, target: Target) -> String {
    let (met, sign, limit) = match target {
        Target::AtMost(limit) => (value <= limit, '≤', limit),
        Target::AtLeast(limit) => (value >= limit, '≥', limit),
    };
    let verdict = if met { "✓ met" } else { "✗ missed" };
    format!("{what:<68} {value:>7.2}   target {sign} {limit:<5} {verdict}")
}

pub fn heading(text: &str) {
    println!("\n{text}");
}

/// p50, p90 and p99 of durations.
pub fn percentiles(rows: &[(&str, &Samples)]) {
    println!("  {:<40} {:>9} {:>9} {:>9}   ms", "", "p50", "p90", "p99");
    for (name, samples) in rows {
        let [p50, p90, p99] = [50.0, 90.0, 99.0].map(|percent| samples.percentile(percent));
        println!("  {name:<40} {p50:>9.3} {p90:>9.3} {p99:>9.3}");
    }
}

/// One number with its unit.
pub fn fact(what: &str, value: f64, unit: &str) {
    println!("  {what:<40} {value:>9.3}   {unit}");
}
