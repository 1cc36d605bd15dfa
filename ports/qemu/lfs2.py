import vfs

disk = RAMDisk(512, 2048)
vfs.VfsLfs2.mkfs(disk)
vfs.mount(vfs.VfsLfs2(disk), "/")
del vfs, RAMDisk, disk
