package main

import "time"

// A tree of goroutines, ten below each, whose leaves send their numbers up to be added. Once, in a fresh process: that the
// memory is touched for the first time is part of it.
func skynet() {
	start := time.Now()
	sum := make(chan uint64)
	go node(sum, 0, skynetLeaves)
	total := <-sum
	perOperation(start, skynetLeaves)
	check(total == skynetLeaves*(skynetLeaves-1)/2, "leaves lost or doubled")
}

func node(up chan<- uint64, number, leaves uint64) {
	if leaves == 1 {
		up <- number
		return
	}
	below := make(chan uint64)
	each := leaves / skynetChildren
	for i := range uint64(skynetChildren) {
		go node(below, number+i*each, each)
	}
	var sum uint64
	for range skynetChildren {
		sum += <-below
	}
	up <- sum
}
