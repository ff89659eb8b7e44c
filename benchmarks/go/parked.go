package main

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// Goroutines that each wait to receive from a channel of their own, all at once. Once, in a fresh process.
func parked() {
	before := resident()
	channels := make([]chan uint64, 0, parkedTasks)
	var group sync.WaitGroup
	group.Add(parkedTasks)
	start := time.Now()
	for range parkedTasks {
		channel := make(chan uint64)
		channels = append(channels, channel)
		go func() {
			group.Done()
			<-channel
		}()
	}
	group.Wait()
	perOperation(start, parkedTasks)
	report("bytes", (resident()-before)/parkedTasks)
	check(len(channels) == parkedTasks, "channels lost")
}

// resident is the memory of this process that is in RAM, in bytes.
func resident() float64 {
	status, err := os.ReadFile("/proc/self/status")
	check(err == nil, "/proc/self/status cannot be read")
	_, after, found := bytes.Cut(status, []byte("VmRSS:"))
	check(found, "/proc/self/status has no VmRSS")
	kib, err := strconv.ParseFloat(string(bytes.Fields(after)[0]), 64)
	check(err == nil, "VmRSS is not a number")
	return kib * 1024
}
