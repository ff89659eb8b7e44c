package main

import "time"

// The first primes out of a chain of filters, each a goroutine between two unbuffered channels. A transfer is a number that
// passes one channel; how many there are follows from the primes and is counted apart from the timed run.
func sieve() {
	primes(sievePrimes / warmUp)
	start := time.Now()
	found := primes(sievePrimes)
	elapsed := time.Since(start)
	check(found[0] == 2 && found[1999] == 17389, "not the primes")
	report("ns", float64(elapsed.Nanoseconds())/float64(transfers(found)))
}

func primes(count int) []uint64 {
	first := make(chan uint64)
	go func() {
		for n := uint64(2); ; n++ {
			first <- n
		}
	}()
	var in <-chan uint64 = first
	found := make([]uint64, 0, count)
	for range count {
		prime := <-in
		found = append(found, prime)
		out := make(chan uint64)
		go filter(in, out, prime)
		in = out
	}
	return found
}

func filter(in <-chan uint64, out chan<- uint64, prime uint64) {
	for n := range in {
		if n%prime != 0 {
			out <- n
		}
	}
}

// transfers counts the channels that each number up to the last prime passes: one more than primes it was tried by.
func transfers(primes []uint64) int {
	count := 0
	for n := uint64(2); n <= primes[len(primes)-1]; n++ {
		for _, prime := range primes {
			count++
			if n%prime == 0 {
				break
			}
		}
	}
	return count
}
