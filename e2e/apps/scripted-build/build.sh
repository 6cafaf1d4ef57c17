echo "nothing to do"
