# The table of scripts/gpu/check.sh, from what native/bench and authors.py print: files of the authors' codes are named
# authors.log. Each of our rates stands beside another one: the authors' for the same work, or for a readout our plain
# forward pass of the same images. A second table has how far maps in other precisions are from those in float32: the
# benchmark's of its networks, and of every method those of small ones, of which the tests in test.log tell.
BEGIN { FS = "  +" }

NF == 4 && $2 ~ /: median$/ {
  key = $1 "|" $2
  sub(/: median$/, "", key)
  if (FILENAME ~ /authors\.log$/) theirs[key] = 1 / $3
  else {
    ours[key] = 1 / $3
    order[++count] = key
  }
}

NF == 4 && $2 ~ /: peak memory$/ {
  key = $1 "|" $2
  sub(/: peak memory$/, "", key)
  memory[key] = $3
}

NF == 4 && $2 ~ /: lowest Pearson$/ {
  key = $1 "|" $2
  sub(/: lowest Pearson$/, "", key)
  correlation[key] = $3
  compared_maps[++comparisons] = key
}

# "...: MESSAGE: resnet18, gradient in TF32: Pearson 0.9, L2 0.1"
/MESSAGE: .* in (TF32|bfloat16): Pearson / {
  sub(/.*MESSAGE: /, "")
  split($0, parts, /, L2 |, |: Pearson /)
  key = "small " parts[1] "|" parts[2]
  correlation[key] = parts[3]
  distance[key] = parts[4]
  compared_maps[++comparisons] = key
}

NF == 4 && $2 ~ /: largest L2$/ {
  key = $1 "|" $2
  sub(/: largest L2$/, "", key)
  distance[key] = $3
}

# The rate that a key's is divided by, whose description is left in `beside`.
function compared(key,  other) {
  other = key
  if (sub(/\|readout (map|training),/, "|forward pass,", other)) {
    sub(/, bfloat16$/, ", float32", other)
    beside = "our forward pass"
    return ours[other]
  }
  if (key ~ /\|forward pass,/) {
    beside = "PyTorch's"
    # It has one batch only.
    return theirs[key]
  }
  beside = "the paper's code"
  sub(/, batch [0-9]+,/, ", batch 1,", other)
  return theirs[other]
}

END {
  print "| model | work | batch | precision | per second | beside it | per second | ratio | peak memory |"
  print "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
  for (i = 1; i <= count; ++i) {
    key = order[i]
    split(key, subject, "|")
    split(subject[2], words, ", ")
    sub(/^batch /, "", words[2])
    other = compared(key)
    printf "| %s | %s | %s | %s | %.4g | %s | %s | %s | %.0f MB |\n", subject[1], words[1], words[2], words[3], \
      ours[key], beside, other ? sprintf("%.4g", other) : "not measured", \
      other ? sprintf("%.2f", ours[key] / other) : "", memory[key]
  }
  if (comparisons == 0) exit
  print ""
  print "| model | maps | lowest Pearson | largest relative L2 |"
  print "| --- | --- | --- | --- |"
  for (i = 1; i <= comparisons; ++i) {
    key = compared_maps[i]
    split(key, subject, "|")
    sub(/^map, /, "per-sample in ", subject[2])
    sub(/ against float32$/, "", subject[2])
    printf "| %s | %s | %.4f | %.4f |\n", subject[1], subject[2], correlation[key], distance[key]
  }
}
