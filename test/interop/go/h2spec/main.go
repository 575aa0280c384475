// Asks a server whether it keeps to HTTP/2, by h2spec: `h2spec port path report`. What it found goes into the report, as
// JUnit has it.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/summerwind/h2spec"
	"github.com/summerwind/h2spec/config"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	asked := config.Config{
		Host:         "127.0.0.1",
		Port:         port,
		Path:         os.Args[2],
		Timeout:      2 * time.Second,
		MaxHeaderLen: 4000,
		JUnitReport:  os.Args[3],
	}
	if _, err := h2spec.Run(&asked); err != nil {
		panic(err)
	}
	fmt.Println("done")
}
