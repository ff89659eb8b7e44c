//! How many numbers pass a channel in `sieve`, which is what its time is divided by.

/// Returns how many channels the numbers from 2 to the last of `primes` pass together.
///
/// A number passes the channel to each filter that it is tried by, and is tried until a prime divides it; a prime is
/// taken from the last channel instead. What the generator is ahead of the last prime is not counted.
pub fn transfers(primes: &[usize]) -> usize {
    let mut transfers = 0;
    for n in 2..=primes[primes.len() - 1] {
        for prime in primes {
            transfers += 1;
            if n % prime == 0 {
                break;
            }
        }
    }
    transfers
}
