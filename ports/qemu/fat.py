import vfs

disk = RAMDisk(512, 2048)
vfs.VfsFat.mkfs(disk)
vfs.mount(vfs.VfsFat(disk), "/")
del vfs, RAMDisk, disk
