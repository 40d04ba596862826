//! What the kernel says of a process in one line.

use std::io::Read;
use std::ops::Range;

/// `/proc/PID/stat` as it was at one moment.
pub(super) struct Stat {
    buffer: [u8; Self::LONGEST],
    name: Range<usize>,
    fields: Range<usize>,
}

impl Stat {
    /// Bytes: 52 numbers of at most 20 digits, and a name.
    const LONGEST: usize = 2048;

    pub(super) fn read(pid: i32) -> Option<Self> {
        let mut buffer = [0; Self::LONGEST];
        // The kernel hands out such a file whole to a buffer that holds it.
        let length = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut buffer).ok()?;
        // The name may contain anything, but ends with the last `)`.
        let (open, close) =
            (memchr::memchr(b'(', &buffer[..length])?, memchr::memrchr(b')', &buffer[..length])?);
        Some(Self { buffer, name: open + 1..close, fields: close + 1..length })
    }

    /// The n-th field behind the name (proc_pid_stat(5) counts from 1, and the name is its second).
    fn field(&self, number: usize) -> Option<i64> {
        let fields = std::str::from_utf8(&self.buffer[self.fields.clone()]).ok()?;
        fields.split_ascii_whitespace().nth(number)?.parse().ok()
    }

    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(&self.buffer[self.name.clone()]).into_owned()
    }

    pub(super) fn parent(&self) -> Option<i32> {
        self.field(1)?.try_into().ok()
    }

    pub(super) fn group(&self) -> Option<i32> {
        self.field(2)?.try_into().ok()
    }

    /// The process group in the foreground of the process's terminal.
    pub(super) fn foreground(&self) -> Option<i32> {
        i32::try_from(self.field(5)?).ok().filter(|group| *group > 0)
    }

    /// Ticks from the boot.
    pub(super) fn started(&self) -> Option<i64> {
        self.field(19)
    }

    /// The address of its arguments, which is another one after `execve`.
    pub(super) fn arguments(&self) -> Option<i64> {
        self.field(45)
    }
}
