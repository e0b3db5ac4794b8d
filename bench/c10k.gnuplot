# c10k.gnuplot: draws what c10k.py measured. Called with `folder`, where its data files are, `target`
# and `clients` set (gnuplot -e). Every panel has its own scale; all bars begin at zero but those of
# the threads, whose axis is logarithmic.
#
# bars.dat: name threads process kernel talk_us talk_rate rush_us rush_rate; a line for each server
# talk.dat, rush.dat: percentile, latency in ms of the first server, of the second
bars = folder."/bars.dat"
ours = "#1f78b4"
theirs = "#e66101"
colour(row) = row == 0 ? 0x1f78b4 : 0xe66101
thousands(n) = n < 1000 ? sprintf("%d", n) : sprintf("%d,%03d", n / 1000, n % 1000)
whole(x) = thousands(int(x + 0.5))
greater(a, b) = a > b ? a : b

# Room above the bars for numbers and keys; stats is not to be had within a multiplot.
stats bars using 2 name "threads" nooutput
stats bars using ($3 + $4) name "memory" nooutput
stats bars using (greater($5, $7)) name "processor" nooutput
stats bars using 8 name "rate" nooutput

set terminal svg size 1080,640 dynamic background "#ffffff" font "sans-serif,13"
set output target
set multiplot layout 2,3 title clients." clients: a fiber each (sluice), a thread each" \
    font ",17" margins 0.065,0.985,0.09,0.86 spacing 0.065,0.17

set border 3 lc "#555555"
set tics nomirror textcolor "#222222"
set grid ytics lc "#dddddd"
set boxwidth 0.6
set style fill solid noborder
set xrange [-0.6:1.6]
set xtics scale 0 ("sluice" 0, "threads" 1)
unset key

set title "operating-system threads (log)"
set logscale y
set yrange [1:10 * threads_max]
set format y "10^{%L}"
plot bars using 0:2:(colour($0)) with boxes lc rgb variable, \
     bars using 0:2:(whole($2)) with labels offset 0,0.7
unset logscale y
set format y "%.0f"

set title "memory a client, KiB"
set yrange [0:1.8 * memory_max]
set key top left reverse Left samplen 1.5 spacing 1.1
plot bars using 0:($3 + $4):(colour($0)) with boxes lc rgb variable fs transparent solid 0.4 \
       notitle, \
     bars using 0:3:(colour($0)) with boxes lc rgb variable notitle, \
     bars using 0:($3 + $4):(sprintf("%.1f", $3 + $4)) with labels offset 0,0.7 notitle, \
     NaN with boxes lc "#666666" title "the process (RSS)", \
     NaN with boxes lc "#666666" fs transparent solid 0.4 title "kernel stacks, page tables"
unset key

set title "requests a second, as fast as they can"
set yrange [0:1.25 * rate_max]
plot bars using 0:8:(colour($0)) with boxes lc rgb variable, \
     bars using 0:8:(whole($8)) with labels offset 0,0.7

set title "server CPU a request, µs"
set xtics scale 0 ("now and then" 0, "as fast as they can" 1)
set yrange [0:1.8 * processor_max]
set boxwidth 0.36
set key top left reverse Left samplen 1.5 spacing 1.1
plot bars using (-0.2):5 every ::0::0 with boxes lc rgb ours title "sluice", \
     bars using (0.8):7 every ::0::0 with boxes lc rgb ours notitle, \
     bars using (0.2):5 every ::1::1 with boxes lc rgb theirs title "threads", \
     bars using (1.2):7 every ::1::1 with boxes lc rgb theirs notitle, \
     bars using ($0 * 0.4 - 0.2):5:(sprintf("%.1f", $5)) with labels offset 0,0.7 notitle, \
     bars using ($0 * 0.4 + 0.8):7:(sprintf("%.1f", $7)) with labels offset 0,0.7 notitle

set xrange [-0.3:4.3]
set yrange [*:*]
set logscale y
set format y "%g"
set xtics scale 0.5 ("p50" 0, "p90" 1, "p99" 2, "p99.9" 3, "max" 4)
do for [phase in "talk rush"] {
  set title phase eq "talk" ? "latency now and then, ms (log)" \
                            : "latency as fast as they can, ms (log)"
  plot folder."/".phase.".dat" using 0:2 with linespoints lw 2 pt 7 ps 0.7 lc rgb ours \
         title "sluice", \
       "" using 0:3 with linespoints lw 2 pt 5 ps 0.7 lc rgb theirs title "threads"
}
unset multiplot
