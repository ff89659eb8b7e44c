package main

import "time"

// A recursion deep into a stack, in one goroutine, which starts with the stack that every goroutine has. Once, in a fresh
// process.
func deep() {
	result := make(chan uint64)
	start := time.Now()
	go func() { result <- descend(deepBytes / deepFrame) }()
	sum := <-result
	report("ms", time.Since(start).Seconds()*1e3)
	const frames = deepBytes / deepFrame
	check(sum == frames*(frames+1)/2, "frames lost")
}

// descend has a frame of deepFrame bytes: the array, what is kept over the call, and the return address.
//
//go:noinline
func descend(left uint64) uint64 {
	var frame [deepFrame/8 - 4]uint64
	frame[left%uint64(len(frame))] = left
	var below uint64
	if left > 1 {
		below = descend(left - 1)
	}
	return below + frame[left%uint64(len(frame))]
}
