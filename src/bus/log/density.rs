//! How much was printed when: counted as it is published, for the last hour.

/// Of one slice, in ms: 3 px of a trace that shows an hour in 108.
const SLICE: i64 = 100_000;
const SLICES: usize = 36;

/// Bytes by slices of time.
#[derive(Clone)]
pub struct Slices {
    /// The number of the newest slice, counted from 1970.
    newest: i64,
    /// By the number of the slice, modulo their count.
    bytes: [u64; SLICES],
}

impl Default for Slices {
    fn default() -> Self {
        Self { newest: 0, bytes: [0; SLICES] }
    }
}

impl Slices {
    pub const MS: u32 = SLICE as u32;

    /// `time` is in ms since 1970.
    pub fn add(&mut self, time: i64, bytes: u64) {
        let slice = time / SLICE;
        self.advance(slice);
        // The clock may have been set back.
        if slice > self.newest - SLICES as i64 {
            self.bytes[place(slice)] += bytes;
        }
    }

    /// The number of the first slice, and the bytes of each up to `now`, oldest first.
    pub fn until(mut self, now: i64) -> (i64, Vec<u64>) {
        self.advance(now / SLICE);
        let first = self.newest - SLICES as i64 + 1;
        (first, (first..=self.newest).map(|slice| self.bytes[place(slice)]).collect())
    }

    fn advance(&mut self, slice: i64) {
        let new = (slice - self.newest).clamp(0, SLICES as i64);
        for old in 0..new {
            self.bytes[place(slice - old)] = 0;
        }
        self.newest = self.newest.max(slice);
    }
}

fn place(slice: i64) -> usize {
    slice.rem_euclid(SLICES as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(printed: &[(i64, u64)], now: i64) -> Vec<(i64, u64)> {
        let mut slices = Slices::default();
        for (time, bytes) in printed {
            slices.add(*time, *bytes);
        }
        let (first, bytes) = slices.until(now);
        assert_eq!(bytes.len(), SLICES);
        let numbered = bytes.into_iter().zip(first..);
        numbered.filter(|(bytes, _)| *bytes > 0).map(|(bytes, slice)| (slice, bytes)).collect()
    }

    #[test]
    fn bytes_are_counted_in_the_slice_of_their_time() {
        let at = 20_000 * SLICE;
        assert_eq!(counted(&[], at), []);
        let printed = [(at, 5), (at + SLICE - 1, 2), (at + SLICE, 1)];
        assert_eq!(counted(&printed, at + SLICE), [(20_000, 7), (20_001, 1)]);
        // An hour later only the last one is left, and then none.
        assert_eq!(counted(&printed, at + 36 * SLICE), [(20_001, 1)]);
        assert_eq!(counted(&printed, at + 1000 * SLICE), []);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing_else() {
        let at = 20_000 * SLICE;
        let back = [(at, 5), (at - 2 * SLICE, 3), (at - 36 * SLICE, 9)];
        assert_eq!(counted(&back, at), [(19_998, 3), (20_000, 5)]);
        assert_eq!(counted(&[(at, 5), (at + 40 * SLICE, 1), (at + 3 * SLICE, 7)], at), [(20_040, 1)]);
    }
}
