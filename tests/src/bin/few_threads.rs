//! Programs for which the system starts no more threads; the first argument chooses.
//!
//! A seccomp filter refuses them, as a limit on processes does, but at a moment of the scenario's choosing, and without
//! counting what else its user runs.
#![expect(unsafe_code, reason = "std has no call for seccomp")]

use csp::net::UdpSocket;
use csp::{WaitGroup, channel, go};
use csp_tests::{LIMIT, within};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

fn main() {
    let scenario = std::env::args().nth(1).expect("the name of a scenario");
    within(LIMIT, || match scenario.as_str() {
        "blocking" => blocking(),
        "locked" => locked(),
        "tied" => tied(),
        other => panic!("no scenario {other}"),
    });
}

/// From now on the process gets no more threads. It has one M, or a few.
fn no_more_threads() {
    let refuse = |call: libc::c_long| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: 1,
        k: u32::try_from(call).expect("numbers of calls are small"),
    };
    let plain = |code: u32, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    let again = libc::SECCOMP_RET_ERRNO | libc::EAGAIN as u32;
    // The number of the call is the first word of what the filter is shown.
    let mut filter = [
        plain(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        refuse(libc::SYS_clone),
        plain(libc::BPF_RET | libc::BPF_K, again),
        refuse(libc::SYS_clone3),
        plain(libc::BPF_RET | libc::BPF_K, again),
        plain(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: no pointers.
    let status = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(status, 0, "{}", io::Error::last_os_error());
    // SAFETY: the program is valid, and read during the call only.
    let status = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            // All threads, for another one starts them.
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    assert_eq!(status, 0, "{}", io::Error::last_os_error());
    let refused = thread::Builder::new().spawn(|| {});
    assert_eq!(
        refused.expect_err("the filter is there").kind(),
        io::ErrorKind::WouldBlock
    );
}

/// All Ms there are come back from blocking calls, each with its goroutine, and want a P while that is on its way to an M
/// that never comes.
fn blocking() {
    go!(no_more_threads()).join().unwrap();
    let wg = WaitGroup::new();
    for _ in 0..8 {
        go!(in wg => {
            for _ in 0..100 {
                csp::blocking(|| thread::sleep(Duration::from_micros(200)));
                csp::yield_now();
            }
        });
    }
    wg.wait();
    println!("all came back");
}

/// A goroutine keeps its thread while it waits for the clock and the network, and there may be no other thread to look
/// after these.
fn locked() {
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let answers = thread::spawn(move || {
        let mut buffer = [0; 8];
        for _ in 0..3 {
            let (n, from) = plain.recv_from(&mut buffer).unwrap();
            plain.send_to(&buffer[..n], from).unwrap();
        }
    });
    let (tx, rx) = channel(0);
    let locked = go!({
        let _locked = csp::runtime::lock_os_thread();
        no_more_threads();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        for n in 0..3 {
            csp::time::sleep(Duration::from_millis(5));
            socket.send(&[n]).unwrap();
            let mut buffer = [0; 8];
            assert_eq!(socket.recv(&mut buffer).unwrap(), 1);
            tx.send(buffer[0]).unwrap();
        }
    });
    assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
    locked.join().unwrap();
    answers.join().unwrap();
    println!("all answers");
}

thread_local!(static STATE: Rc<Cell<u64>> = Rc::new(Cell::new(0)));

/// Goroutines that have to go on with their threads, and others that are not to begin there, but have nowhere else.
fn tied() {
    go!(no_more_threads()).join().unwrap();
    let wg = WaitGroup::new();
    for _ in 0..20 {
        go!(in wg => {
            let state = STATE.with(Rc::clone);
            for _ in 0..20 {
                state.set(state.get() + 1);
                csp::time::sleep(Duration::from_micros(50));
            }
        });
    }
    for _ in 0..100 {
        go!(in wg => csp::yield_now());
    }
    wg.wait();
    println!("all began and ended");
}
