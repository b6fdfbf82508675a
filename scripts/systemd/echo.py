"""A connection that lives: `serve` echoes on port 7, `talk` asks five times a second until /root/enough is there."""
import os, socket, sys, threading, time

SERVER = ("198.51.100.7", 7)


def echo(connection):
    while data := connection.recv(100):
        connection.send(data)


if sys.argv[1] == "serve":
    listener = socket.create_server(SERVER)
    while True:
        threading.Thread(target=echo, args=[listener.accept()[0]], daemon=True).start()

talker = socket.create_connection(SERVER, timeout=60)
count = 0
while not os.path.exists("/root/enough"):
    talker.send(b"x")
    assert talker.recv(1) == b"x", "closed"
    count += 1
    time.sleep(0.2)
print(f"alive after {count} echoes")
