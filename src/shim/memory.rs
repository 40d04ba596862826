//! Gives back what only the start needed. There is a shim in every pane, and it mostly waits.

use crate::heap;

/// Returns the freed heap, where the launch record stood, and what was read of files once: code, and the
/// tables that the dynamic linker went through.
pub fn trim() {
    heap::give_back();
    forget_files();
}

/// Pages of a file that are needed again come back from the page cache.
#[cfg(target_os = "linux")]
fn forget_files() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/smaps") else { return };
    for (start, end) in untouched(&maps) {
        // SAFETY: the range is a mapping of a file that cannot be written, and no page of it differs from
        // the file, so dropping its pages changes no byte.
        unsafe {
            nix::libc::madvise(std::ptr::without_provenance_mut(start), end - start, nix::libc::MADV_DONTNEED)
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn forget_files() {}

/// The mappings of files that are read-only and were so before: what the dynamic linker relocated and then
/// protected has anonymous pages.
#[cfg(target_os = "linux")]
fn untouched(maps: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut mapping = None;
    for line in maps.lines() {
        match line.split_once(':') {
            Some(("Anonymous", size)) if size.trim() == "0 kB" => found.extend(mapping.take()),
            Some((name, _)) if !name.contains(' ') => {}
            _ => mapping = read_only_file(line),
        }
    }
    found
}

/// The range of a read-only mapping of a file: `start-end r-xp offset device inode path`.
#[cfg(target_os = "linux")]
fn read_only_file(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    if !matches!(fields.next()?, "r-xp" | "r--p") || !fields.nth(3)?.starts_with('/') {
        return None;
    }
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_in_its_file_is_forgotten() {
        let maps = "\
1000-3000 r-xp 00026000 fe:00 326279     /usr/lib/libc.so.6
Rss:                   8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
3000-4000 r--p 00028000 fe:00 326279     /usr/lib/libc.so.6
Anonymous:             4 kB
4000-5000 r--p 00029000 fe:00 326279     /usr/lib/with a space: libc.so.6
Anonymous:             0 kB
5000-6000 rw-p 0002a000 fe:00 326279     /usr/lib/libc.so.6
Anonymous:             0 kB
6000-7000 r--p 00000000 00:00 0
Anonymous:             0 kB
7000-8000 r-xp 00000000 00:00 0          [vdso]
Anonymous:             0 kB
";
        assert_eq!(untouched(maps), [(0x1000, 0x3000), (0x4000, 0x5000)]);
    }

    #[test]
    fn a_process_that_forgot_goes_on() {
        let constants = "what stands in the file";
        trim();
        assert_eq!(constants.len(), 23);
    }
}
