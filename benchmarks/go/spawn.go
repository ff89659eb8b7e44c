package main

import (
	"sync"
	"time"
)

// Batches of goroutines that do nothing, each batch joined through a WaitGroup.
func spawn() {
	batches(spawnBatches / warmUp)
	start := time.Now()
	batches(spawnBatches)
	perOperation(start, spawnBatches*spawnBatch)
}

func batches(count int) {
	var group sync.WaitGroup
	// One closure for all: `go` has then nothing to allocate but the goroutine.
	task := func() { group.Done() }
	for range count {
		for range spawnBatch {
			group.Add(1)
			go task()
		}
		group.Wait()
	}
}
