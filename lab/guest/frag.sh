# free memory in chunks of at most order 0, 4, 8, 9, one after the other
tr_common
PTI=1
eat 3500
lab punch 0 0 50
lab soak 11 4
for s in 4096 65536 1060864; do req k0-$s $s 0; lab free; done
lab punch 4 50 60
for s in 65536 126976 1060864 8384512; do req k4k0-$s $s 0; lab free; done
lab punch 8 60 75
for s in 1060864 2097152 16777216; do req k8k4k0-$s $s 0; lab free; done
lab punch 9 75 90
for s in 2166784 16777216 33554432; do req k9k8k4k0-$s $s 0; lab free; done
lab release
req released-4194304 4194304 0; lab free
