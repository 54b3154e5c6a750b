// The same work as limit.c, in Go: every file of a tree read and hashed by workers that share a queue of folders.
//
//	limit-go WORKERS FOLDER
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

func main() {
	workers, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	var lock sync.Mutex
	waiting := sync.NewCond(&lock)
	queue := []string{os.Args[2]}
	busy := 0
	var sum [32]byte
	var files, bytes int64
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			var own [32]byte
			var count, size int64
			buffer := make([]byte, 128*1024)
			hasher := sha256.New()
			for {
				lock.Lock()
				for len(queue) == 0 && busy > 0 {
					waiting.Wait()
				}
				if len(queue) == 0 {
					for at := range sum {
						sum[at] ^= own[at]
					}
					files += count
					bytes += size
					lock.Unlock()
					return
				}
				folder := queue[len(queue)-1]
				queue = queue[:len(queue)-1]
				busy++
				lock.Unlock()
				entries, err := os.ReadDir(folder)
				if err != nil {
					panic(err)
				}
				var folders []string
				for _, entry := range entries {
					path := filepath.Join(folder, entry.Name())
					if entry.IsDir() {
						folders = append(folders, path)
					} else if entry.Type().IsRegular() {
						file, err := os.Open(path)
						if err != nil {
							panic(err)
						}
						hasher.Reset()
						read, err := io.CopyBuffer(struct{ io.Writer }{hasher}, struct{ io.Reader }{file}, buffer)
						if err != nil {
							panic(err)
						}
						file.Close()
						digest := hasher.Sum(nil)
						for at := range own {
							own[at] ^= digest[at]
						}
						count++
						size += read
					}
				}
				lock.Lock()
				queue = append(queue, folders...)
				busy--
				waiting.Broadcast()
				lock.Unlock()
			}
		}()
	}
	all.Wait()
	fmt.Printf("%x %d files %d bytes\n", sum, files, bytes)
}
