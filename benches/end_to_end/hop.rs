//! A process at the other end of a socket that sends back what it gets: what one more process on the way
//! costs.

use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::process::Child;

use crate::Result;
use crate::bed::Bed;
use crate::echo::Echo;
use crate::program::{self, Stream};

pub struct Hop {
    stream: Box<dyn Stream>,
    process: Child,
}

impl Hop {
    pub fn start(bed: &Bed, name: &str) -> Result<Self> {
        let socket = bed.path(&format!("{name}.sock"));
        let listener = UnixListener::bind(&socket)?;
        let process = spawn(bed, &socket.display().to_string())?;
        Ok(Self { stream: Box::new(program::accept(&listener)?), process })
    }

    /// Over TCP on loopback.
    pub fn start_tcp(bed: &Bed) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let process = spawn(bed, &listener.local_addr()?.to_string())?;
        let stream = program::accept_tcp(&listener)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: Box::new(stream), process })
    }
}

fn spawn(bed: &Bed, address: &str) -> Result<Child> {
    let words = program::hop_command(address)?;
    Ok(bed.command(&words[0]).args(&words[1..]).spawn()?)
}

impl Echo for Hop {
    fn press(&mut self, key: u8) -> Result<()> {
        Ok(self.stream.write_all(&[key])?)
    }

    fn read(&mut self, key: u8) -> Result<bool> {
        let mut buffer = [0; 64];
        let length = self.stream.read(&mut buffer)?;
        anyhow::ensure!(length > 0, "the echo process is gone");
        Ok(buffer[..length].contains(&key))
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
