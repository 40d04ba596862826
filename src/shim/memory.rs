//! Gives back what only the start needed. There is a shim in every pane, and it mostly waits.

/// Returns the freed heap, where the launch record stood, and the code that ran once.
pub fn trim() {
    return_heap();
    forget_code();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn return_heap() {
    // SAFETY: has no preconditions.
    unsafe { nix::libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn return_heap() {}

/// Code is a clean copy of a file: pages that are needed again come back from the page cache.
#[cfg(target_os = "linux")]
fn forget_code() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    for (start, end) in maps.lines().filter_map(code) {
        // SAFETY: the range is a mapping that can be executed but not written, from a file. Nothing in
        // it differs from the file, so dropping its pages changes no byte.
        unsafe {
            nix::libc::madvise(std::ptr::without_provenance_mut(start), end - start, nix::libc::MADV_DONTNEED)
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn forget_code() {}

/// The range of a mapping of code from a file: `start-end r-xp offset device inode path`.
#[cfg(target_os = "linux")]
fn code(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    if fields.next()? != "r-xp" || !fields.nth(3)?.starts_with('/') {
        return None;
    }
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_code_from_files_is_forgotten() {
        assert_eq!(
            code("1000-3000 r-xp 00026000 fe:00 326279     /usr/lib/libc.so.6"),
            Some((0x1000, 0x3000))
        );
        assert_eq!(code("1000-3000 r--p 00026000 fe:00 326279     /usr/lib/libc.so.6"), None);
        assert_eq!(code("1000-3000 r-xp 00000000 00:00 0          [vdso]"), None);
        assert_eq!(code("1000-3000 r-xp 00000000 00:00 0"), None);
        trim();
    }
}
