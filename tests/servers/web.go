// An HTTP server that answers with what it was sent, and one for TLS.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
)

func answer(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/file" {
		http.ServeFile(writer, request, "/srv/big")
		return
	}
	sum := sha256.New()
	length, err := io.Copy(sum, request.Body)
	if err != nil {
		log.Print(err)
	}
	fmt.Fprintf(writer, "%s %s %d %x\n", request.Method, request.URL.Path, length, sum.Sum(nil))
}

func main() {
	http.HandleFunc("/", answer)
	go func() { log.Fatal(http.ListenAndServe(":80", nil)) }()
	log.Fatal(http.ListenAndServeTLS(":443", "/srv/cert.pem", "/srv/key.pem", nil))
}
