# a fresh machine: every order is to be had; single pages; no warning; one contiguous block, which is not the loop's
tr_common
for s in 4096 65536 69632 1060864 4194304 8384512; do req fresh-$s $s 0; lab free; done
req fresh-1048576-single 1048576 80; lab free
req fresh-2097152-nowarn 2097152 100; lab free
req fresh-2097152-contig 2097152 40; lab free
