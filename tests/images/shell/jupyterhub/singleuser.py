"""A notebook server that is nothing but its terminal: see ``tests/support/shell_notebook.py``."""

import os
import signal
import subprocess
import sys

from jupyterhub import light


class Handler(light.Handler):
    def do_POST(self):
        script = self.rfile.read(int(self.headers["Content-Length"]))
        done = subprocess.run(["/bin/bash"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(done.stdout)))
        self.end_headers()
        self.wfile.write(done.stdout)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN if os.environ.get("STUBBORN") else light.end)
    print("a shell", sys.argv[1:], flush=True)
    light.hold("HOLD_START")
    light.serve(Handler)
