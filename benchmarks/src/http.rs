//! The HTTP/1.1 that all servers speak: requests without a body, kept-alive connections, one answer for all.
//!
//! It is free of input and output, so that blocking and asynchronous servers share it:
//!
//! ```
//! use csp_benchmarks::http::Requests;
//!
//! let mut requests = Requests::new();
//! let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT";
//! requests.room()[..text.len()].copy_from_slice(text);
//! assert_eq!(requests.received(text.len()), Some(1)); // one is whole, of the next there is a part
//! ```

/// What is answered to each request.
pub const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!";

/// What ends a request.
const END: &[u8] = b"\r\n\r\n";

/// The bytes of a connection that belong to no whole request yet.
pub struct Requests {
    buffer: [u8; 4096],
    filled: usize,
}

impl Requests {
    /// Makes it for a new connection.
    #[expect(clippy::new_without_default, reason = "it is made in one place")]
    pub fn new() -> Self {
        Self {
            buffer: [0; 4096],
            filled: 0,
        }
    }

    /// Returns where to read to. It is never empty.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[self.filled..]
    }

    /// Takes note of `n` bytes that were read, and returns how many requests they made whole.
    ///
    /// `None` means that the connection is to be closed: nothing was read, what is there is no request of this kind, or
    /// it is longer than anything a client of this server would send.
    pub fn received(&mut self, n: usize) -> Option<usize> {
        if n == 0 {
            return None;
        }
        self.filled += n;
        let mut requests = 0;
        let mut at = 0;
        while let Some(end) = find_end(&self.buffer[at..self.filled]) {
            if !self.buffer[at..].starts_with(b"GET ") {
                return None;
            }
            at += end;
            requests += 1;
        }
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        (self.filled < self.buffer.len()).then_some(requests)
    }
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(END.len()).position(|window| window == END)?;
    Some(at + END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(requests: &mut Requests, text: &[u8]) -> Option<usize> {
        requests.room()[..text.len()].copy_from_slice(text);
        requests.received(text.len())
    }

    #[test]
    fn requests_are_counted_wherever_they_are_cut() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
        for cut in 1..text.len() {
            let mut requests = Requests::new();
            let first = feed(&mut requests, &text[..cut]).unwrap();
            let second = feed(&mut requests, &text[cut..]).unwrap();
            assert_eq!(first + second, 2);
        }
    }

    #[test]
    fn what_is_no_request_closes_the_connection() {
        assert_eq!(feed(&mut Requests::new(), b"POST / HTTP/1.1\r\n\r\n"), None);
        assert_eq!(feed(&mut Requests::new(), &[b'a'; 4096]), None);
        assert_eq!(feed(&mut Requests::new(), b""), None);
    }
}
