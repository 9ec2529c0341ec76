"""What customers of an invented web shop with a monthly box write, as tables.

Every line was written for this project. In a line, `[a|b]` means one of the
two and `{item}` a word from SLOTS. A request line says what is wanted and
alone decides the intent. An aside brings up an intent that is *not* wanted:
settled, somebody else's, or ruled out. Lines carry no final full stop.
"""

from __future__ import annotations


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines())


# A line calls {who} she. Items are singular and begin with a consonant sound: "a", "was".
SLOTS: dict[str, tuple[str, ...]] = {
    "item": (
        *("kettle", "desk lamp", "rucksack", "winter jacket", "coffee grinder", "toaster"),
        *("keyboard", "phone case", "yoga mat", "water bottle", "bedside table", "blender"),
        *("raincoat", "sleeping bag", "board game", "garden chair", "hand mixer", "wall clock"),
        *("bike light", "tent", "cushion", "bread maker", "mirror", "headset", "teapot", "rug"),
    ),
    "sub": ("subscription", "membership", "plan", "monthly box", "subscription", "monthly plan"),
    "parcel": ("parcel", "package", "order", "delivery", "box"),
    "shop": ("you", "your shop", "your company", "you people", "the shop"),
    "wait": ("nine days", "two weeks", "ten days", "three weeks", "over a week", "almost a month"),
    "ago": ("last week", "on Monday", "two weeks ago", "on the 3rd", "ages ago", "last month"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "month": ("January", "March", "May", "July", "September", "November"),
    "amount": ("£42.50", "€30", "$18.99", "£64", "€119", "$75", "27 euros", "fifty pounds"),
    "colour": ("green", "black", "white", "red", "grey", "navy"),
    "who": ("sister", "neighbour", "aunt", "colleague", "flatmate", "mother-in-law", "daughter"),
    "person": ("Zoë", "Tom", "Priya", "José", "Anne-Marie", "Björn", "Lena", "Omar", "Renée"),
    "number": ("48213", "50177", "61942", "73305", "88420", "39518", "27064", "95631"),
    "town": ("Leeds", "Graz", "Cork", "Bristol", "Malmö", "Zürich", "Galway", "Ghent"),
}

REQUESTS: dict[str, tuple[str, ...]] = {
    "late_delivery": _lines("""
        Where is my {parcel}?
        My {parcel} [still hasn't|has still not] [arrived|turned up|come]
        I ordered a {item} {ago} and [nothing has come|I have seen nothing of it]
        The {item} was meant to be here by {day} and it is not
        It has been {wait} and [no sign of the|I am still waiting for the] {item}
        Tracking has [said|shown] "out for delivery" since {day}
        The tracking page [has not moved|hasn't changed] in {wait}
        How much longer [will|is] the {item} going to be on its way?
        The courier [never came|did not show up] on {day} although I stayed in
        Can you [find out|tell me] where the van with my {item} has got to?
        I was promised next-day and [that was|we are now at] {wait}
        Nobody has knocked on my door and the {item} was due {day}
        Your email says delivered but [there is nothing here|nothing was left here]
        Has my {parcel} been lost in the post?
        The {item} is [overdue|running very late] by {wait}
        When can I expect the {item}, the date you gave has [gone by|passed]?
        I am [sitting|stuck] at home waiting for a {item} that does not come
        It seems my {item} never left your warehouse
        [Please chase|Could you chase] the carrier, I have waited {wait}
        It's the birthday on {day} and the present is still somewhere on a lorry
        The status is stuck on "dispatched" and has been for {wait}
        Any news on order {number}? it ought to have been with me {ago}
        What is holding up my {item}?
        I paid for express delivery and the {item} is [taking longer than|no faster than] the post
        The {item} keeps being put back another day
        First you said {day}, then you said next week, and my hands are still empty
        Still no {item}
        The depot tells me they never got my {item} from you
        The box for {month} should have reached me by now
        Everyone else got their {month} box and mine is missing in transit
        My {item} went to the sorting centre {ago} and has not been seen since
        Is the {item} ever going to get to me?
        You took the order {ago}, [so where is it|and what happened then]?
        The promised delivery window was {day} morning and nobody rang
        Could somebody check whether the {item} was shipped at all?
        I need to know [which day|when] the {item} will really land here
        Your driver wrote "no one in" which is untrue, and I have no {item}
        The {item} has been in transit for {wait}, which can't be right
        I keep looking out of the window for a {item} you sent {ago}
        How come a {item} needs {wait} to travel from {town}?
    """),
    "refund_request": _lines("""
        I [want|would like] my money back for the {item}
        [Please refund|Could you refund] the {item}, [it does not suit me|I changed my mind]
        How do I [return|send back] the {item} and get my {amount} back?
        I would like to return the {item}, it is not what I had hoped for
        Can I still [get a refund|get my money back] on a {item} bought {ago}?
        The {item} is not for me, kindly give me back what I paid
        I'd rather have the {amount} than the {item}
        [What are the steps|What must I do] to hand the {item} back for a refund?
        I am within the thirty days and want to return the {item}
        I regret buying the {item} and would like to undo the purchase
        Please take the {item} back and reimburse me
        The {item} does less than the advert claimed, so I'm asking for a refund
        Is it possible to be repaid for the {item}? I never opened it
        I have no use for the {item} after all, [how do I return it|can it go back]?
        My {who} bought me the same {item}, so I'd like to give yours back for cash
        Please send me a return label for the {item}, [I do not like it|it is too small for us]
        I expect {amount} returned to me because the {item} is disappointing
        I'm not happy with the {item} and want reimbursing
        The colour looks different in daylight, I want to return it for my money
        Would you accept the {item} back? The box is still sealed
        I am exercising my right of withdrawal for the {item}
        Kindly credit {amount} to my card for the {item} I no longer need
        I found the {item} cheaper elsewhere and want to hand mine in
        Start a return for the {item} please
        Refund for the {item} please, it's simply too big
        The {item} works as it should but I don't enjoy it, so I want my cash back
        Let me know how to claim back the {amount} for a {item} I don't want
        I'd like to swap the {item} for the money I spent on it
        The {item} isn't worth {amount}, I want to be paid back
        Your guarantee says "love it or your money back" and I do not love it
        It was a gift and she has one already, can I have the money instead?
        May I bring the {item} back? I want what I paid for it
        I'd like to open a claim for my {amount}, the {item} didn't live up to its reviews
        I ordered the {item} by mistake, take it back please
        Please arrange a pick-up of the {item}, I want out of this purchase
        We tried the {item} once and would prefer our {amount}
        Within how many days may I return the {item} for a refund?
        I am not keeping the {item}, how do I get reimbursed?
        Since the {item} doesn't fit our kitchen I am asking you for the money
        Could the {amount} for the {item} be paid back to me?
    """),
    "account_locked": _lines("""
        I can't [log in|sign in|get in] [any more|anymore|to my account]
        My account [is|has been] [locked|blocked]
        It says too many attempts and now I am shut out
        The password reset [email never comes|link does nothing]
        My password [is not accepted|no longer works|keeps being rejected]
        I am locked out of my [account|profile]
        [Please unlock|Could you unlock] my account
        The login page [just loops|throws me back] every time
        The code you text me for signing in never [arrives|turns up]
        I have a new phone and the authenticator [does not|won't] let me in
        After three wrong tries your site won't take my password
        How do I get back into my account?
        Your site claims [no account exists|I don't exist] for my email
        I forgot my password and [the reset fails|can't set a new one]
        When I enter my details the page says "access denied"
        My profile got suspended and I have [no idea|not been told] why
        The app keeps [asking for a code|logging me out] and I never get through
        Resetting my password sends me in circles
        I cannot reach my order history because the site refuses my login
        It tells me my account is disabled
        Please send me a fresh password link, the old one expired
        The two-step code goes to my old number so I can't get into my account
        I've been frozen out of my own account since {day}
        Every time I type my password I get an error
        The security question is wrong, so I cannot prove it is me
        I need access to my profile again
        Somebody changed my password and now I can't enter
        My username isn't recognised anymore
        The site [says|thinks] I'm a robot and refuses to let me through
        Since the update, the app does not know who I am
        There's a lock symbol next to my name and nothing opens
        The verification message takes so long that the code is out of date
        I see "contact support to restore access" whenever I open the app
        Can you reactivate my login?
        I'm unable to authenticate since {ago}
        Face unlock in the app stopped working and I don't remember the other way in
        Your login closed the door on me, my details are fine and still I'm turned away
        I click "forgot" and then nothing shows up in my inbox
        My session ends the second I enter my details
        How many hours until I am allowed to try my password again?
    """),
    "damaged_item": _lines("""
        The {item} arrived [broken|damaged|cracked]
        My {item} came with a [big dent|long scratch|crack] in it
        The {item} [stopped working|died] after one day
        There's a crack [right across|down the side of] the {item}
        When I opened the box the {item} was in pieces
        The {item} won't [switch on|start|work] at all
        The packaging was crushed and [so was|it ruined] the {item}
        Part of the {item} had [snapped|come] off when I unpacked it
        The {item} you sent is [faulty|defective]
        I got a {item} with a hole in it
        The {item} is scratched all over
        Water got into the {parcel} and the {item} is [ruined|soaked]
        The {item} makes a grinding noise and smells of burning
        One corner of the {item} is smashed
        A screw is missing and the {item} [falls apart|wobbles]
        The {item} was [bent|torn] when it got here
        It rattles, something inside the {item} has come loose
        The seam of the {item} [was open|gave way] out of the box
        The {item} leaks
        The glass on the {item} has shattered
        The handle of the {item} broke off the first time I touched it
        The {item} did not survive the trip
        I unpacked the {item} and found it [chipped|dented]
        The zip on the {item} is stuck and two teeth are missing
        The lid is [warped|split] so the {item} does not close
        There are stains on the {item}, it can't be new
        The {item} looks as if somebody stood on it
        The display flickers and then the {item} goes dark
        This {item} had clearly been dropped before it reached me
        Can I get a replacement, the {item} has [a fault|a defect]?
        I cut my finger on the splintered edge of the {item}
        What I pulled out of the box was a {item} in shards
        Your courier threw the {parcel} over the fence and the {item} paid for it
        The {item} has a wobbly leg, I would like a sound one
        The paint is flaking off the {item} and it is brand new
        The {item} gets so hot that the plastic has melted
        The battery in the {item} is dead from the start
        The {item} is in no state to be used
        The {colour} coating of the {item} has bubbles and gouges
        Bits of the {item} were rolling around loose in the carton
    """),
    "cancel_subscription": _lines("""
        [Please cancel|I want to cancel|Cancel] my {sub}
        How do I [cancel|end|stop] my {sub}?
        I no longer want [the|my] {sub}
        I'd like to [quit|leave], please end the {sub}
        I don't wish to renew my {sub} in {month}
        Please stop the {sub} for good
        Where is the button to [unsubscribe|cancel the {sub}]?
        I want out of the {sub}
        Take me off the {sub} and don't bill me again
        My {sub} should end [this month|after this box]
        I won't be continuing with the {sub}
        Kindly terminate my {sub} [as of today|right away]
        I am giving notice on my {sub}
        No more boxes for me please, I'm out for good
        Switch off the automatic renewal, I am leaving
        I have decided not to stay a member
        This was my last box, [close it down|let it end]
        The {sub} is too dear for us now, I need to end it
        I've stopped using the {sub} and want to be rid of it
        Please confirm that the {sub} [won't renew|is ended]
        I only signed up for the trial and do not want to go on
        We are [moving to another service|done with it], please wind up the {sub}
        What notice do I have to give to leave the {sub}?
        Delete my {sub}, I'm not coming back
        Do not take another payment for the {sub}, we're finished
        I'm through with the {sub}
        My {who} passed away and her {sub} must be brought to an end
        I tried to leave the {sub} online and there is no such option
        Remove me from the list of people who get the {month} box and all later ones
        Let the {sub} lapse when the month is over
        I wish to withdraw from the contract for the {sub}
        I'd like the {sub} gone
        Please make {month} the final one for me
        Consider this my goodbye to the {sub}
        I'm pulling the plug on the {sub}
        End of the road for me and the {sub}, what must I sign?
        I want to drop the {sub} completely
        Don't send or charge anything after {month}, I'm leaving permanently
        I have had enough boxes, shut it down
        It's time to part ways with the {sub}
    """),
    "refund_status": _lines("""
        Where is my refund?
        My refund [still hasn't|has not] [arrived|come through|shown up]
        You [approved|promised] my refund {ago} and [I see nothing|the money isn't there]
        I sent the {item} back {ago} and am still waiting for the money
        When will the {amount} be [back on my card|in my account]?
        How long [does|will] the refund for the {item} take?
        The return was [received|signed for] {ago} and yet no refund
        You said I'd have my {amount} by {day}
        Any news on the money you owe me for the {item} I returned?
        My bank says no {amount} has come from you
        Has the refund for order {number} been [sent|issued|paid out]?
        The refund shows as "processed" and my account shows nothing
        It has been {wait} since you agreed to pay me back
        I returned the {item} and the credit is [missing|overdue]
        What is the status of my refund?
        Still waiting for my {amount} back
        The {item} went back to you {wait} ago, so what became of my money?
        I was told five working days for the refund, that was {wait} ago
        Could you check [whether|if] my refund went to the right card?
        To which card did you send the {amount} you paid back?
        The money from my return is nowhere to be seen
        Your email says refunded but my balance [says otherwise|did not change]
        You have had my returned {item} since {day}, please release the refund
        When does the repayment for the {item} land?
        Please tell me how far along my reimbursement is
        Only part of my refund arrived, I [miss|am waiting for] the rest
        The refund is still marked as pending
        I have proof that you got the {item} back and no sign of the {amount}
        Is there any way to track the money you are sending me back?
        I got the note that {amount} is on its way to me, {wait} later it is not here
        Did you forget to pay me back for the {item} I returned?
        My returned {item} has reached you, my {amount} hasn't reached me
        Please chase your accounts people about my repayment
        You have both the {item} and my {amount}, that needs to change soon
        Ten days for a credit, it said, and now it's {wait}
        How many more days until I see the credit for my return?
        The courier handed my return to {person} at your desk, yet I remain unpaid
        The claim was settled in my favour {ago} and nothing has been transferred
        Where has the reimbursement {person} arranged for me got stuck?
        My statement for {month} doesn't list the {amount} you agreed to give back
    """),
    "wrong_item": _lines("""
        You sent me the wrong {item}
        I [ordered|bought] a {item} and got [a completely different thing|something else]
        I got a {colour} {item} [instead of|rather than] the one I picked
        This is not the {item} I ordered
        The {item} is the wrong [size|colour|model]
        In the box was a [stranger's order|thing I never asked for] and no {item}
        There has been a mix-up, I received somebody else's {parcel}
        The label says {item} but inside is another product
        I asked for large and got small
        Someone packed the wrong thing, I need the {item} I chose
        You shipped a child's {item} and I need an adult one
        The {item} that came is not the one in my basket
        My {parcel} holds an article I don't know
        Please swap this for the {item} I paid for, you mixed them up
        I opened the {parcel} and found a product for a customer called {person}
        It was supposed to be {colour}, and it's anything but
        The {item} you delivered has a different part number than on my invoice
        The model I chose was the newer one, this is last year's {item}
        Your packer must have grabbed the neighbouring shelf
        I received two left ones in place of a pair
        Instead of my {item} the box held someone's dog food
        The plug is for another country, I had picked the one for here
        What you delivered doesn't match what I ordered
        I think my order and {person}'s were switched
        The name on the packing slip is not mine and nor are the contents
        Nice {item}, but mine was to be the {colour} one
        How do I exchange a {item} you picked incorrectly?
        Not the right {item}, I need the other version
        I clicked on the {colour} {item}, the one in front of me is not
        The article number on the carton and on my order are two different ones
        The set should have held six and it's the set of four
        I chose the {item} without a lid and you gave me one with
        Who is {person} and why do I have their {item}?
        The contents are fine, they are just not mine
        You've confused my {item} with another
        The size on the tag is two up from the one I selected
        I was looking forward to a {item} and unpacked a lampshade that isn't mine
        A different brand of {item} was put in my box
        Substituting my {item} with a similar one was not agreed, I need the exact one
        The {item} is okay as such, only I never ordered that kind
    """),
    "charged_twice": _lines("""
        I [was|have been] charged twice for [the {item}|my {sub}|order {number}]
        You took {amount} from my card [twice|two times]
        There are two payments of {amount} on my statement for one order
        My bank shows the same {amount} [twice|two times]
        I see a double charge for the {item}
        Why did you [bill|debit|charge] me two times this month?
        The {item} was paid for once and then {amount} was taken again
        The payment for my {sub} has gone out twice in {month}
        I have one {item} and two bills
        My card has been hit with the same sum on {day} and again a day later
        The checkout froze, I pressed pay again and now both payments went through
        A second {amount} left my account for the same order
        You've billed me double
        Duplicate payment for order {number}
        Paid with a voucher and you still took the full {amount} from my card
        I was billed for {month} and then billed for {month} once more
        Please look into a repeated debit of {amount}
        Two identical lines from {shop} appear on my card
        I only bought one {item}, so why are there two deductions?
        You drew the money once by card and once from my bank
        The amount on my statement is exactly double what the {item} costs
        One order, two transactions
        I seem to have paid for the {item} two times over
        The same invoice was collected again {ago}
        I count two withdrawals for a single {item}
        Both my old card and my new card were debited for the {sub}
        Your system repeated the payment of {amount}
        My {who} and I share a card and we both see the one {item} listed twice
        Why is {amount} showing again when I settled it {ago}?
        I've now paid {amount} for a second time for nothing
        The first payment went through fine, the extra one should not exist
        The app said payment failed, yet it took it, and then took it again
        Your till was too eager, it rang up my {item} two times
        There's a payment too many on my card from {day}
        Reverse one of the two bookings of {amount}, please
        Two confirmation mails, two deductions, one {item}
        My card paid and my PayPal paid, for the very same {item}
        The fee for {month} had been settled, then it was collected afresh
        An additional {amount} was booked that mirrors the first
        I should owe you {amount} and you have helped yourselves to double that
    """),
    "change_address": _lines("""
        I [have moved|moved house], please [change|update] my address
        How do I change the delivery address?
        My address is [wrong|out of date], please correct it
        [Please send|Can you send] the {item} to my office address instead
        I'm moving to {town}, where do I enter the new address?
        I typed the wrong house number for order {number}
        Please update my details, we live in {town} now
        The street name on my order has a mistake
        Could the {item} go to my {who}'s house in {town}?
        The old flat is empty, please use the new one in {town}
        I'd like my {sub} sent to a different place from {month}
        Redirect the {item} to {town} please
        I put the wrong postcode on order {number}
        Can you amend where the {item} is being sent?
        We're changing house in {month}, can my boxes follow me to {town}?
        The flat number is missing from my order, it needs adding
        The {item} is about to go to my old street, [please stop that|can that be altered]
        From now on I want everything delivered to work
        I forgot to switch the destination back from my {who}'s place
        My new home is in {town}, please put that on file
        How can I add a second place to deliver to?
        Please don't ship to {town}, I live elsewhere now
        The site won't save my new street
        I need the {item} to go somewhere else than the form says
        I've relocated, adjust my shipping details
        It's the right town and the wrong road on my order, kindly fix that
        I will be at my {who}'s in {month}, can the box go there?
        The billing and delivery addresses are mixed up, swap them
        Your form put me in another county, please mend it
        Would you forward my {item} to the new place?
        Let the courier bring it to number 14, not number 41
        I used the autofill and it picked where I lived before
        We have left {town}, so anything you send there will go to strangers
        Please have the {item} dropped at a pick-up point near {town} instead
        Note that I reside in {town} as of {month}
        My postcode is one digit off
        Can the {item} be rerouted to {town}?
        You still have our previous home on record
        New house, new street, same customer: please edit my profile
        Mail for me should go to {town} as I no longer live at the other place
    """),
    "pause_subscription": _lines("""
        [Please pause|I want to pause|Pause] my {sub}
        Can I [pause|suspend] my {sub} for [a month|two months]?
        I'd like to skip the {month} box
        Can I take a break from the {sub} until {month}?
        How do I put my {sub} on hold?
        We're away all {month}, please hold the box and start again after
        Freeze my {sub} until {month}
        Please skip one month of the {sub}
        Is there a way to stop the {sub} for a short while and come back?
        I need a few weeks off from the {sub}
        No box in {month} please, the one after is fine
        Could the {sub} rest till {month}?
        I want the {sub} to sleep over the summer
        Hold my {sub} for now, I'll be back in {month}
        Leave out the next box, I'll take the following one
        We have too many boxes piled up, could you wait with the next until {month}?
        I would like to interrupt the {sub} for two months
        Is it possible to delay my next box and keep my place?
        Please put the {sub} to one side while I'm in hospital
        I will be abroad until {month}, resume my {sub} then
        Nothing for the next two months please, then carry on as usual
        Temporarily stop my {sub}
        I need to sit out {month}
        How do I set my {sub} to on hold while I travel?
        Let's put the {sub} on ice until {month}
        Money is tight this month, can I miss one and go on after?
        Could you halt the {sub} during {month} only?
        Is there a holiday setting for the {sub}?
        I want to leave the {sub} dormant for a bit
        Postpone my next box to {month}
        Skip me this time and pick up again in {month}
        May I have a gap of six weeks in my {sub}?
        Just hold everything until I'm home again in {month}
        I'd love a breather from the {sub}, say until {month}
        Not this month please, next month again
        Suspend the boxes while the kitchen is being rebuilt, then restart
        Can my {sub} wait until the baby is here?
        I'd like a short stop and to keep my member price
        Put me on a break from {month}, two boxes at most
        Would you keep my {sub} but send nothing before {month}?
    """),
}

# Things that fit "this is not about ..." (NOUNS) and "I don't want to ..." (VERBS).
NOUNS: dict[str, tuple[str, ...]] = {
    "late_delivery": _lines("""
        the {parcel} that [was late|hasn't arrived]
        the late {parcel}
        the missing {item}
        a delayed delivery
        where my {parcel} is
        tracking a {item}
        the courier who never came
    """),
    "refund_request": _lines("""
        [getting a refund|a refund]
        returning the {item}
        my money back for a {item}
        sending a {item} back
        being reimbursed for the {item}
        a return label for the {item}
    """),
    "account_locked": _lines("""
        my password
        [my locked account|the locked account]
        signing in
        logging in to my account
        the login code
        a password reset
        being locked out
    """),
    "damaged_item": _lines("""
        the broken {item}
        the {item} that [arrived cracked|came damaged]
        a faulty {item}
        the scratched {item}
        the dent in the {item}
        a {item} that stopped working
    """),
    "cancel_subscription": _lines("""
        cancelling my {sub}
        [ending|leaving] the {sub}
        the end of my {sub}
        a cancelled {sub}
        how to cancel the {sub}
        not renewing my {sub}
    """),
    "refund_status": _lines("""
        [the refund|my refund] for the {item} I returned
        the refund that [took so long|was overdue]
        the refund I was waiting for
        when my refund arrives
        the pending refund
        the money you owed me for a return
    """),
    "wrong_item": _lines("""
        the wrong {item} you sent
        getting the wrong {item}
        the {item} in the wrong size
        the mix-up with the {item}
        the {colour} {item} I never ordered
        somebody else's {parcel}
    """),
    "charged_twice": _lines("""
        the double charge
        being charged twice
        the second payment of {amount}
        the two payments on my card
        paying twice for the {item}
        the duplicate bill
    """),
    "change_address": _lines("""
        my new address
        changing my address
        the delivery address
        the wrong postcode on my order
        our move to {town}
        the old address on my account
    """),
    "pause_subscription": _lines("""
        pausing my {sub}
        a break from the {sub}
        skipping the {month} box
        putting the {sub} on hold
        the paused {sub}
        holding the box until {month}
    """),
}

VERBS: dict[str, tuple[str, ...]] = {
    "late_delivery": _lines("""
        [complain about|chase] a late {parcel}
        find out where my {parcel} is
        track a {item}
    """),
    "refund_request": _lines("""
        [return|send back] the {item}
        get a refund for the {item}
        get my money back
        ask for a refund
    """),
    "account_locked": _lines("""
        [reset|change] my password
        unlock my account
        sort out a login
    """),
    "damaged_item": _lines("""
        report a broken {item}
        [complain about|replace] a damaged {item}
        have a faulty {item} repaired
    """),
    "cancel_subscription": _lines("""
        cancel my {sub}
        [end|leave|quit] the {sub}
        stop my {sub} for good
    """),
    "refund_status": _lines("""
        chase a refund
        ask where my refund is
        wait for a refund on a {item} I returned
    """),
    "wrong_item": _lines("""
        exchange a wrong {item}
        report that you sent the wrong {item}
        swap the {item} for another size
    """),
    "charged_twice": _lines("""
        dispute a double charge
        report that I was charged twice
        argue about two payments on my card
    """),
    "change_address": _lines("""
        [change|update] my address
        move the delivery to another address
        correct the postcode
    """),
    "pause_subscription": _lines("""
        pause my {sub}
        [skip|hold] the {month} box
        put the {sub} on hold
        take a break from the {sub}
    """),
}

NOUN_FRAMES = _lines("""
    This is not about {noun}
    I'm not writing about {noun} [this time|today]
    [Forget|Never mind] {noun}, that is sorted
    I know I wrote to you about {noun} before, that one is closed
    {person} on your team has already dealt with {noun}
    {Noun} is a separate matter and already settled
    Your chatbot kept going on about {noun}, which is not what I asked
    I had to pick "{noun}" in your form because nothing else came close
    My last message was about {noun}, this one is about something new
    My {who} will write to you on her own about {noun}
    Your help page only covers {noun}, and that is not my trouble
    Please don't answer with the text about {noun} again
    Thanks for your help with {noun}, all good there
    The man on the phone thought I meant {noun}, but no
    Last year it was {noun}, now it's another thing
    Unlike my {who}, I have no question about {noun}
    We can leave {noun} out of it, that has been put right
    It has nothing to do with {noun}
    You answered me about {noun}, which was my {who}'s ticket and not mine
    {Noun}? No, that was all cleared up {ago}
""")

# Lead-ins that name the ticket's own intent; the same nouns are ruled out by NOUN_FRAMES.
LEADS = _lines("""
    [This is|It is] about {noun}
    I'm writing about {noun} [this time|today]
    My question concerns {noun}
    {Noun} is why I write
    I have to come back to {noun}
    My trouble is {noun}
    I picked "{noun}" in your form
    Your chatbot could not help me with {noun}
    {Noun}, {person} on your team told me to ask here
    It all has to do with {noun}
""")

VERB_FRAMES = _lines("""
    I don't want to {verb}
    I am not [trying|asking] to {verb}
    There is no need to {verb}
    I already managed to {verb}, so ignore that part
    Your menu only lets me {verb}, which I don't need
    Last time I wrote to {verb}, not today
    It was my {who} who wanted to {verb}, not me
    You offered that I could {verb}, no thank you
    Before you ask, I do not wish to {verb}
    Your colleague told me to {verb}, that is not what I need
    If this goes well I won't have to {verb}
    I once had to {verb} and that went smoothly
""")

ASIDES: dict[str, tuple[str, ...]] = {
    "late_delivery": _lines("""
        The other {parcel} was late but it arrived in the end
        Last time it all came on time and the courier was friendly
        I had been waiting {wait} for the {item}, it turned up this morning
        My {who} is still waiting for a {parcel}, she will contact you herself
        Delivery was quick, no complaint there
    """),
    "refund_request": _lines("""
        I am keeping the {item} and want no money back
        My {who} returned hers and got a refund, mine stays with me
        I sent a {item} back last year and the return was easy
        I could have asked for my money back but I like the {item} too much
    """),
    "account_locked": _lines("""
        I was locked out for a while but I can log in again
        My password reset worked, thanks
        My {who} can't sign in to her account, she'll call you about that
        The login code came through fine this time
        Signing in is no problem any more
    """),
    "damaged_item": _lines("""
        The {item} I had from you {ago} is in perfect shape, nothing broken
        The cracked {item} from {ago} has been replaced, thanks
        The last box had a dent but nothing inside was damaged
        My {who}'s {item} came broken, mine is fine
        I broke the old {item} myself, that is not your fault
    """),
    "cancel_subscription": _lines("""
        I love the {sub} and am not going to cancel it
        My {who} cancelled her {sub}, I am staying
        The {sub} I cancelled {ago} has ended properly, thanks
        I nearly ended my {sub} over this but I'm staying for now
        I do not mean to leave the {sub}
    """),
    "refund_status": _lines("""
        I already got my refund for the other {item}
        The refund you promised me {ago} has arrived, thank you
        My {who} is still waiting for her refund, that is her own ticket
        The {amount} from my last return is back on my card
    """),
    "wrong_item": _lines("""
        The last {item} was the right one in the right size
        The wrong {item} you sent {ago} has been exchanged already
        At first I thought it was the wrong {item}, my mistake, it's what I ordered
        My {who} got somebody else's {parcel}, that has been solved
        You once sent me a {colour} {item} instead, that's history
    """),
    "charged_twice": _lines("""
        The double charge from {month} has been put right
        I thought I was charged twice but one of them was another shop
        My {who} was billed twice, not me
        You took {amount} once, as you should
        The second payment on my card turned out to be my {who}'s
    """),
    "change_address": _lines("""
        The address on the order is correct, I checked
        I moved to {town} {ago} and you already have the new address
        My {who} is moving house, I am not
        The new address I gave you works well
        You have my right postcode
    """),
    "pause_subscription": _lines("""
        I had my {sub} paused in {month} and it's running again
        My {who} put her {sub} on hold, mine goes on
        The break I took from the {sub} ended {ago} as planned
        Skipping the {month} box worked, thanks
        A pause would not help me
    """),
}

# (request, aside) pairs that would contradict each other or leave a reader guessing.
CLASHES: frozenset[tuple[str, str]] = frozenset(
    {
        ("refund_status", "refund_request"),
        ("refund_request", "refund_status"),
    }
)

# Where an annotator's hand slips: the intent a noisy label turns into.
CONFUSABLE: dict[str, tuple[str, ...]] = {
    "late_delivery": ("change_address", "wrong_item"),
    "refund_request": ("refund_status", "charged_twice"),
    "account_locked": ("change_address", "cancel_subscription"),
    "damaged_item": ("wrong_item", "refund_request"),
    "cancel_subscription": ("pause_subscription", "refund_request"),
    "refund_status": ("refund_request", "charged_twice"),
    "wrong_item": ("damaged_item", "refund_request"),
    "charged_twice": ("refund_status", "refund_request"),
    "change_address": ("late_delivery", "account_locked"),
    "pause_subscription": ("cancel_subscription", "late_delivery"),
}

GREETINGS = _lines("""
    Hi,
    Hello,
    Hi there,
    Hey,
    Good morning,
    Dear team,
    Hello support,
    Dear Sir or Madam,
    Hi {person},
    Good evening,
    To whom it may concern,
    Hi again,
""")

CLOSINGS = _lines("""
    Thanks
    Thank you
    Kind regards, {person}
    Best, {person}
    Cheers
    Thanks a lot, {person}
    Please get back to me soon
    Looking forward to your reply
    Many thanks in advance
    Regards, {person}
    Sent from my phone
    Waiting to hear from you
""")

FILLERS = _lines("""
    I have been a customer for [four|six|nine] years
    I hope you are having a good week
    Order number is {number}
    I tried the chat first, no luck
    I looked through your help pages and found nothing
    Sorry for the long message
    I am writing from the train so excuse any mistakes
    My {who} recommended your shop to me
    It's the second time I write
    I usually never complain
    This is about {number}
    You have always been helpful so far
    I was on hold for half an hour before giving up
    I'm not very good with computers
    Not sure if this is the right place to ask
    The weather in {town} is dreadful, by the way
    I don’t mean to be rude
    It would be great if someone real could read this
""")

CONTACTS: dict[str, tuple[str, ...]] = {
    "email": _lines("""
        You can reach me at {value}
        My email is {value}
        Please reply to {value}
        I am registered as {value}
    """),
    "phone": _lines("""
        Call me on {value}
        My phone number is {value}
        You can ring me at {value} after five
        Phone: {value}
    """),
    "card": _lines("""
        The card on file is {value}
        My card number is {value}
        I pay with card {value}
    """),
    "iban": _lines("""
        My bank account is {value}
        My IBAN is {value}
        The IBAN on file should be {value}
    """),
    "ip": _lines("""
        Your page shows my IP address as {value}
        I am writing from IP {value}
        The footer of your site says IP {value}
    """),
}
