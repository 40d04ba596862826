//! Files that are mapped into memory, and cut meanwhile by whoever writes them.
//!
//! git's library maps the files of a work tree while it compares them (`diff_file_content_load_workdir_file` in its
//! diff_file.c). When a program writes one anew at that moment, the next look at what was cut off is a SIGBUS, which ends the
//! process. Here a page that is not there any more reads as zeros: what was compared is wrong for that moment, and the change
//! is noticed as any other.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc::{self, c_int, c_void, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static PAGE: AtomicUsize = AtomicUsize::new(0);

/// From now on such a file does not end this process. Programs that it starts are as they were.
///
/// # Errors
/// When the system says so.
pub fn survive_cuts() -> io::Result<()> {
    // SAFETY: it only asks.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE.store(usize::try_from(page).map_err(io::Error::other)?, Ordering::Relaxed);
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK;
    let action = SigAction::new(SigHandler::SigAction(on_bus_error), flags, SigSet::empty());
    // SAFETY: the handler makes two system calls and takes no lock.
    unsafe { sigaction(Signal::SIGBUS, &action) }?;
    Ok(())
}

extern "C" fn on_bus_error(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the system hands a valid `info` to a handler with SA_SIGINFO.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let page = PAGE.load(Ordering::Relaxed);
    // The address is in a mapping, and nothing is behind it.
    if code == libc::BUS_ADRERR && page > 0 {
        let start = (address & !(page - 1)) as *mut c_void;
        let (rights, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED);
        // SAFETY: it takes the place of a page of a mapping that cannot be read any more.
        let mapped = unsafe { libc::mmap(start, page, rights, kind, -1, 0) };
        if mapped != libc::MAP_FAILED {
            return;
        }
    }
    // SAFETY: what was tried is tried again, and ends the process as it would have.
    unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
}
