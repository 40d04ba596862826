//! What the allocator keeps of freed memory. Only glibc's has to be told; with others these do nothing.

/// Blocks of so many bytes and more are mapped by themselves, and go back to the system when they are freed.
/// By itself glibc raises this limit with each block that is freed, up to 32 MiB: the buffers of a database
/// then lie between what lives for long, and the process grows with what passes through it (measured: 17 %
/// from the sixth megabyte of 50 sessions).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: i32 = 128 * 1024;

/// Keeps large blocks out of the heap. To be called once, before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_small() {
    // SAFETY: has no preconditions.
    unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, MAPPED) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_small() {}

/// Gives freed memory back to the system: it lies in the middle of what still lives, and by itself the
/// allocator keeps it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    // SAFETY: has no preconditions.
    unsafe { nix::libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
