// What a Kubernetes API server says of a certificate: Go's crypto/x509, asked as client-go's TLS does.
//
//	verify CERT CA NAME UNIX_TIME
//
// CERT: PEM, the server's own first. CA: PEM, the caBundle. Prints the error, and exits with 1, where it is refused.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

func main() {
	var chain []*x509.Certificate
	for rest := must(os.ReadFile(os.Args[1])); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, must(x509.ParseCertificate(block.Bytes)))
		}
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(os.Args[2])))
	if len(chain) == 0 {
		fmt.Println("no certificate")
		os.Exit(1)
	}
	for _, cert := range chain[1:] {
		others.AddCert(cert)
	}
	at := time.Unix(must(strconv.ParseInt(os.Args[4], 10, 64)), 0)
	must(chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, DNSName: os.Args[3], CurrentTime: at}))
}
