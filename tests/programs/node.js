// Worker threads, children with pipes, signals and channels, files: `node node.js ROUNDS`.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const childProcess = require('child_process');
const fs = require('fs');

const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));

const worker = (n) =>
  new Promise((done, failed) => {
    let answer;
    const thread = new Worker(__filename, { workerData: n });
    thread.on('message', (message) => (answer = message));
    thread.on('error', failed);
    thread.on('exit', () => done(answer));
  });

const closed = (child) =>
  new Promise((done) => {
    let output = '';
    if (child.stdout) child.stdout.on('data', (data) => (output += data));
    child.on(child.stdout ? 'close' : 'exit', (code, signal) => done([output, code, signal]));
  });

async function round() {
  console.log(JSON.stringify(await Promise.all([1, 2, 3, 4].map(worker))));
  console.log(childProcess.execFileSync('/bin/echo', ['from', 'a child']).toString().trim());
  const cat = childProcess.spawn('/bin/sh', ['-c', 'cat; exit 3'], { stdio: ['pipe', 'pipe', 'inherit'] });
  for (let i = 0; i < 1000; i++) cat.stdin.write(`line ${i}\n`);
  cat.stdin.end();
  const [output, code, signal] = await closed(cat);
  console.log(output.length, code, signal);
  const sleeper = childProcess.spawn('/bin/sleep', ['60']);
  sleeper.kill();
  console.log((await closed(sleeper)).slice(1));
  const forked = childProcess.fork(__filename, ['child']);
  forked.on('message', (message) => {
    console.log('the other node says', message);
    forked.disconnect();
  });
  forked.send(20);
  console.log((await closed(forked)).slice(1));
  fs.writeFileSync('node-file', 'x'.repeat(100000));
  console.log((await fs.promises.readFile('node-file')).length);
}

async function main() {
  for (let rounds = Number(process.argv[2]); rounds > 0; rounds--) await round();
  process.exit(5);
}

if (!isMainThread) {
  let sum = 0;
  for (let i = 0; i < 200000; i++) sum = (sum * 31 + i * workerData) % 1000003;
  parentPort.postMessage([workerData, sum]);
} else if (process.argv[2] === 'child') {
  process.on('message', (n) => process.send(fibonacci(n)));
} else {
  main();
}
