// Archives as the kernel takes them for its first root (Documentation/driver-api/early-userspace/buffer-format.rst).

/** An archive of these files; folders have no content. Archives may follow one another. */
export function cpio(files) {
  const entries = [...files, { path: 'TRAILER!!!', mode: 0 }];
  return Buffer.concat(entries.map((file, index) => entry({ content: '', ...file }, index + 1)));
}

function entry({ path, mode, content }, inode) {
  const name = Buffer.from(`${path}\0`);
  const data = Buffer.from(content);
  // Of 13 numbers: inode, mode, owner, group, links, time, size, device and its own device (two each), length of the name, check.
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(
    `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`,
  );
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(data)]);
}

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
