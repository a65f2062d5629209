// An HTTP server that answers with what it was sent, and one for TLS.
const http = require('http');
const https = require('https');
const fs = require('fs');
const crypto = require('crypto');

function answer(request, response) {
    const sum = crypto.createHash('sha256');
    let length = 0;
    if (request.url === '/file') {
        fs.createReadStream('/srv/big').pipe(response);
        return;
    }
    request.on('data', (chunk) => { length += chunk.length; sum.update(chunk); });
    request.on('end', () => {
        response.setHeader('Content-Type', 'text/plain');
        response.end(`${request.method} ${request.url} ${length} ${sum.digest('hex')}\n`);
    });
}
http.createServer(answer).listen(80, '::');
https.createServer({ key: fs.readFileSync('/srv/key.pem'), cert: fs.readFileSync('/srv/cert.pem') }, answer).listen(443);
